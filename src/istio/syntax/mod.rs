//! YAML parser and syntax tree with positions.

pub(in crate::istio) mod compose;
pub(in crate::istio) mod resolve;
pub(in crate::istio) mod shorten;
pub(in crate::istio) mod tabs;
pub(in crate::istio) mod tree;
pub(in crate::istio) mod unreadable;
pub(in crate::istio) mod yaml;
