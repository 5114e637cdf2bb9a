//! Listeners: connections with the identity of their peer.

mod accept;
pub(super) mod layer;
pub(super) mod listener;
pub(super) mod peer;
pub(super) mod policy;
#[cfg(any(feature = "axum", feature = "tonic"))]
pub(super) mod serve;
pub(super) mod stats;
pub(super) mod stream;
