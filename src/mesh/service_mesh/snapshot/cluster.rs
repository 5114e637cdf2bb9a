use std::collections::HashMap;

use crate::foundation::endpoints::Endpoint;
use crate::foundation::endpoints::endpoint_set::EndpointEntry;
use crate::istio::config::{ClusterConfig, ClusterDiscovery, Location};
use crate::mesh::service_mesh::cluster::state::ClusterState;
use crate::mesh::snapshot::{
    ClusterSnapshot, ConcurrencyLimitSnapshot, EjectionSnapshot, EndpointSnapshot, Moment,
    PoolSnapshot, RetryBudgetSnapshot,
};
use crate::policies::outlier_detection::Ejection;

/// Reads the state of a cluster.
pub(super) fn snapshot(cluster: &ClusterState, moment: Moment) -> ClusterSnapshot {
    let config = cluster.config();
    let destination = cluster.key().destination();
    let detector = cluster.detector();
    // Before the list of the endpoints, which it may change.
    let ejections: HashMap<u64, Ejection> = detector
        .ejections()
        .into_iter()
        .map(|one| (one.endpoint.id(), one))
        .collect();
    let stats = detector.stats();
    let endpoints = cluster.endpoints().snapshot();
    let endpoints = endpoints.all().iter();
    let (budget, max_parallel) = cluster.retry_budget();
    let origins = &config.origins;
    ClusterSnapshot {
        name: cluster.source().cluster().unwrap_or_default().into(),
        host: destination.host().into(),
        subset: destination.subset().map(Into::into),
        port: cluster.key().port(),
        discovery: discovery(&config),
        is_internal: cluster.location() == Location::Internal,
        endpoints: endpoints
            .map(|entry| endpoint(entry, ejections.get(&entry.endpoint.id()), moment))
            .collect(),
        ejections: stats.ejections,
        ejections_suppressed: stats.suppressed,
        concurrency_limit: ConcurrencyLimitSnapshot::of(cluster.limit()),
        retry_budget: RetryBudgetSnapshot::new(
            budget.shared_stats(),
            max_parallel,
            budget.describe(),
        ),
        pool: pool(cluster, &config),
        unreachable: cluster.cause().map(|cause| cause.to_string().into()),
        rule: origins.rule.clone(),
        outlier_detection: origins.outlier.clone(),
        connection_pool: origins.pool.clone(),
        service_entry: origins.endpoints.clone(),
    }
}

fn endpoint(
    entry: &EndpointEntry,
    ejection: Option<&Ejection>,
    moment: Moment,
) -> EndpointSnapshot {
    let endpoint: &Endpoint = &entry.endpoint;
    let labels = endpoint.labels();
    EndpointSnapshot {
        address: endpoint.address().as_str().into(),
        id: endpoint.id(),
        labels: labels
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        weight: entry.weight,
        in_flight: endpoint.in_flight(),
        ejection: ejection.map(|ejection| EjectionSnapshot {
            reason: ejection.reason,
            since: moment.time_of(ejection.since),
            until: moment.time_of(ejection.until),
            remaining: ejection.until.saturating_duration_since(moment.now),
            times: ejection.times,
        }),
    }
}

const fn discovery(config: &ClusterConfig) -> &'static str {
    match config.endpoints {
        ClusterDiscovery::ByName => "name",
        ClusterDiscovery::Dns(_) => "dns",
        ClusterDiscovery::Fixed(_) => "fixed",
        ClusterDiscovery::Unknown => "unknown",
    }
}

#[cfg(feature = "reqwest")]
fn pool(cluster: &ClusterState, config: &ClusterConfig) -> Option<PoolSnapshot> {
    let stats = cluster.known_pool()?.stats();
    let limit = |max: Option<u32>| max.filter(|max| *max > 0);
    Some(PoolSnapshot {
        open: stats.open,
        idle: stats.idle,
        pending: stats.pending,
        opened: stats.opened,
        closed: stats.closed,
        max_connections: limit(config.pool.max_connections),
        max_pending: limit(config.pool.max_pending),
    })
}

#[cfg(not(feature = "reqwest"))]
const fn pool(_cluster: &ClusterState, _config: &ClusterConfig) -> Option<PoolSnapshot> {
    None
}
