//! TLS of a cluster's connections: `tls` of a destination rule.

pub(super) mod cluster_tls;
#[cfg(feature = "istio")]
pub(super) mod files;
#[cfg(feature = "istio")]
mod verify;
