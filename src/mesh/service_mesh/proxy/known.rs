//! State that a proxy has made so far.

use std::sync::Arc;

use super::state::Proxy;
use crate::mesh::service_mesh::cluster::state::ClusterState;
use crate::policies::rate_limit::RateLimitLayer;

/// A rate limit with the id of its host and its own.
pub(in crate::mesh) type KnownLimit = (Arc<str>, Arc<str>, RateLimitLayer);

impl Proxy {
    /// Returns its clusters; the lock is held for as long as they are counted up.
    pub(in crate::mesh) fn known_clusters(&self) -> Vec<Arc<ClusterState>> {
        self.lock().clusters.values().cloned().collect()
    }

    /// Returns its rate limits.
    pub(in crate::mesh) fn known_limits(&self) -> Vec<KnownLimit> {
        let state = self.lock();
        let limits = state.limits.iter().flat_map(|(host, limits)| {
            let limits = limits.iter();
            limits.map(|(id, limit)| (Arc::clone(host), Arc::clone(id), limit.clone()))
        });
        limits.collect()
    }
}
