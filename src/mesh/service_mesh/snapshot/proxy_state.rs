use std::collections::HashMap;

use super::cluster;
use crate::istio::config::{RouteConfig, VirtualHostConfig};
use crate::mesh::service_mesh::proxy::config::proxy_config::ProxyConfig;
use crate::mesh::service_mesh::proxy::memory::KnownLimit;
use crate::mesh::service_mesh::proxy::role::Role;
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::mesh::service_mesh::state::weight_overrides::WeightOverride;
use crate::mesh::snapshot::{
    DestinationSnapshot, HostSnapshot, LimitSnapshot, Moment, PolicySnapshot, ProxySnapshot,
    RateLimitSnapshot, RouteSnapshot,
};
use crate::policies::authorization::PolicyStats;

/// Documented weights of the routes whose weights code has set, by the places of host and route.
type Documented<'a> = HashMap<(usize, usize), &'a [u32]>;

/// Reads the state of a workload or a gateway.
pub(super) fn snapshot(
    proxy: &Proxy,
    overrides: &[WeightOverride],
    moment: Moment,
) -> ProxySnapshot {
    let config = proxy.config();
    let documented = documented(&config, overrides);
    let hosts = config.outbound.hosts.iter().enumerate();
    let labels = proxy.workload.labels.iter();
    let clusters = proxy.known_clusters();
    let mut clusters: Vec<_> = clusters
        .iter()
        .map(|one| cluster::snapshot(one, moment))
        .collect();
    clusters.sort_by(|one, two| (&one.name, &one.host).cmp(&(&two.name, &two.host)));
    let mut rate_limits: Vec<_> = proxy.known_limits().iter().map(limit).collect();
    rate_limits.sort_by(|one, two| (&one.host, &one.id).cmp(&(&two.host, &two.id)));
    let access = proxy.authorization_layer().stats();
    ProxySnapshot {
        authorization: access.policies.iter().map(policy).collect(),
        denied: access.denied,
        name: (*proxy.workload.name).into(),
        namespace: (*proxy.workload.namespace).into(),
        is_gateway: proxy.role == Role::Gateway,
        labels: labels
            .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
            .collect(),
        version: config.version,
        hosts: hosts
            .map(|(place, one)| host(place, one, &documented))
            .collect(),
        clusters,
        rate_limits,
    }
}

fn policy(stats: &PolicyStats) -> PolicySnapshot {
    PolicySnapshot {
        name: (*stats.name).into(),
        namespace: (*stats.namespace).into(),
        action: stats.action.as_str(),
        dry_run: stats.dry_run,
        matched: stats.matched,
        unmatched: stats.unmatched,
        origin: stats.origin.clone(),
    }
}

fn documented<'a>(config: &ProxyConfig, overrides: &'a [WeightOverride]) -> Documented<'a> {
    let places = overrides.iter().filter_map(|one| {
        let place = one.place(&config.outbound)?;
        Some((place, &*one.documented))
    });
    places.collect()
}

fn host(place: usize, config: &VirtualHostConfig, documented: &Documented<'_>) -> HostSnapshot {
    let routes = config.routes.iter().enumerate();
    HostSnapshot {
        id: (*config.id).into(),
        host: (*config.host).into(),
        origin: config.origin.clone(),
        routes: routes
            .map(|(index, one)| route(one, documented.get(&(place, index)).copied()))
            .collect(),
    }
}

fn route(config: &RouteConfig, documented: Option<&[u32]>) -> RouteSnapshot {
    let destinations = config.route.destinations().iter().enumerate();
    let destinations = destinations.map(|(place, one)| {
        let destination = one.destination();
        let documented = documented.and_then(|weights| weights.get(place));
        DestinationSnapshot {
            host: destination.host().into(),
            subset: destination.subset().map(Into::into),
            port: destination.port(),
            weight: one.weight(),
            documented_weight: documented.copied().unwrap_or_else(|| one.weight()),
        }
    });
    let timeout = config.timeout.total_timeout();
    let origins = &config.origins;
    RouteSnapshot {
        name: config.route.name().map(Into::into),
        destinations: destinations.collect(),
        timeout: Some(timeout).filter(|timeout| !timeout.is_zero()),
        retries: config.retry.attempts(),
        origin: origins.route.clone(),
        timeout_origin: origins.timeout.clone(),
        retry_origin: origins.retry.clone(),
    }
}

fn limit((host, id, layer): &KnownLimit) -> LimitSnapshot {
    LimitSnapshot {
        id: (**id).into(),
        host: (**host).into(),
        origin: layer.emitter().source().origin().cloned(),
        state: RateLimitSnapshot::of(layer),
    }
}
