//! Findings with their position in a document, and their rendering.

pub(in crate::istio) mod code;
pub(in crate::istio) mod diagnostic;
pub(in crate::istio) mod finding;
pub(in crate::istio) mod render;
pub(in crate::istio) mod suggest;
