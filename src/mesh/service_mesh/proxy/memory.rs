use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::config::proxy_config::ProxyConfig;
use super::state::Proxy;
use crate::istio::config::{ClusterConfig, WorkloadId};
use crate::mesh::service_mesh::cluster::key::ClusterKey;
use crate::mesh::service_mesh::cluster::state::ClusterState;
use crate::policies::rate_limit::RateLimitLayer;
use crate::policies::traffic_split::{Destination, WeightedDestination};

/// Maximum number of hosts without a route that are remembered, for each client.
pub(in crate::mesh) const MAX_UNNAMED: usize = 1_024;

/// A rate limit with the id of its host and its own.
pub(in crate::mesh) type KnownLimit = (Arc<str>, Arc<str>, RateLimitLayer);

/// State that a proxy keeps for its hosts across changes of the configuration.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) clusters: HashMap<ClusterKey, Arc<ClusterState>>,
    /// By the host that they are for; each with its id.
    pub(super) limits: HashMap<Arc<str>, Vec<(Arc<str>, RateLimitLayer)>>,
}

/// Returns the configurations of clusters; `None` for those that are no longer named.
pub(super) fn configs_of(
    workload: &WorkloadId,
    proxy_config: &ProxyConfig,
    known: Vec<ClusterKey>,
) -> HashMap<ClusterKey, Option<ClusterConfig>> {
    let named: HashSet<&Destination> = proxy_config
        .routes()
        .flat_map(|route| {
            let mirrors = route.mirrors.iter().map(|(destination, _)| destination);
            let weighted = route.route.destinations().iter();
            weighted
                .map(WeightedDestination::destination)
                .chain(mirrors)
        })
        .collect();
    let config = |key: ClusterKey| {
        let is_known = key.is_unnamed() || named.contains(key.destination());
        let config = is_known.then(|| config_of(proxy_config, workload, &key));
        (key, config.flatten())
    };
    known.into_iter().map(config).collect()
}

/// Forgets what is remembered of hosts that no route names, if that is more than one client keeps.
pub(super) fn evict_unknown_hosts(
    state: &mut State,
    proxy_config: &ProxyConfig,
) -> Vec<(ClusterKey, Arc<ClusterState>)> {
    let hosts: HashSet<_> = proxy_config
        .outbound
        .hosts
        .iter()
        .map(|host| &*host.id)
        .collect();
    let is_stranger = |host: &Arc<str>| !host.is_empty() && !hosts.contains(&**host);
    let strangers = state.limits.iter().filter(|(host, _)| is_stranger(host));
    if strangers.map(|(_, limits)| limits.len()).sum::<usize>() > MAX_UNNAMED {
        state.limits.retain(|host, _| !is_stranger(host));
    }
    let strangers = state.clusters.keys().filter(|key| key.is_unnamed());
    if strangers.count() <= MAX_UNNAMED {
        return Vec::new();
    }
    let gone = state.clusters.extract_if(|key, _| key.is_unnamed());
    gone.collect()
}

pub(super) fn config_of(
    proxy_config: &ProxyConfig,
    workload: &WorkloadId,
    key: &ClusterKey,
) -> Option<ClusterConfig> {
    let (destination, port) = (key.destination(), key.request_port());
    if key.is_unnamed() {
        return proxy_config
            .source
            .unnamed(workload, destination.host(), port.unwrap_or_default());
    }
    Some(proxy_config.source.destination(workload, destination, port))
}

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
