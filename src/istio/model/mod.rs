//! Kubernetes objects and the names in them.

pub(crate) mod documents;
pub(in crate::istio) mod export;
pub(in crate::istio) mod foreign;
pub(in crate::istio) mod kind;
pub(crate) mod load_options;
pub(in crate::istio) mod names;
pub(in crate::istio) mod object;
pub(in crate::istio) mod parsed_object;
pub(in crate::istio) mod patch_target;
pub(in crate::istio) mod spec;
pub(in crate::istio) mod yaml_document;
