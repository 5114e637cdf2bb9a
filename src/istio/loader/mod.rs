//! Reads YAML files into documents.

mod content;
mod documents;
pub(crate) mod files;
pub(crate) mod input;
mod known_contents;
pub(in crate::istio) mod large_stack;
pub(in crate::istio) mod load;
pub(in crate::istio) mod report;
pub(in crate::istio) mod split;

#[cfg(test)]
mod tests;
