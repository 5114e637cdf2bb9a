//! Kubernetes objects and the names in them.

pub(in crate::istio) mod export;
pub(in crate::istio) mod foreign;
pub(in crate::istio) mod kind;
pub(in crate::istio) mod line_table;
pub(crate) mod load;
pub(in crate::istio) mod names;
pub(in crate::istio) mod object;
pub(in crate::istio) mod placed_object;
pub(in crate::istio) mod spec;
