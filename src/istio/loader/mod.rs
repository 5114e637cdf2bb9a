//! Reads YAML files into documents.

pub(in crate::istio) mod documents;
pub(crate) mod files;
pub(in crate::istio) mod large_stack;
pub(in crate::istio) mod load;
pub(crate) mod load_options;
pub(in crate::istio) mod report;
pub(in crate::istio) mod split;
