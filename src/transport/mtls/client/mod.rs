//! TLS of a cluster's connections: `tls` of a destination rule.

pub(super) mod cluster_tls;
pub(super) mod files;
mod verify;
