//! Settings of a cluster.

use std::fmt::Write;
use std::time::Duration;

use super::explained::ExplainedCluster;
use super::setting::Setting;
use crate::istio::config::{ClusterConfig, ClusterDiscovery, ConnectionPoolConfig};
use crate::mesh::service_mesh::cluster::key::ClusterKey;
use crate::mesh::service_mesh::proxy::state::Proxy;

/// Number of endpoints that are listed.
const MAX_LISTED: usize = 8;

/// Explains a cluster, without its weight and the changes to its requests.
pub(super) fn explained(proxy: &Proxy, key: &ClusterKey, is_unnamed: bool) -> ExplainedCluster {
    let config = proxy.cluster_config(key);
    let name = match &config {
        None if is_unnamed => "PassthroughCluster".into(),
        _ => key.destination().to_string().into(),
    };
    let origins = config.as_ref().map(|config| &config.origins);
    ExplainedCluster {
        name,
        origin: origins.and_then(|origins| origins.subset.clone().or_else(|| origins.rule.clone())),
        settings: config.as_ref().map_or_else(Vec::new, settings),
        total_weight: 1,
        weight: 1,
    }
}

fn settings(config: &ClusterConfig) -> Vec<Setting> {
    let origins = &config.origins;
    let balance = Setting::new("loadBalancer", origins.load_balancer.clone());
    let outlier = Setting::new("outlierDetection", origins.outlier.clone());
    let tls = config.tls.as_ref().map(|tls| {
        Setting::new("tls", origins.tls.clone())
            .with("mode", tls.mode.as_str())
            .with_some("sni", tls.sni.as_ref())
    });
    let all = [
        endpoints(config).unless_empty(),
        balance
            .with_all(config.load_balancer.settings())
            .unless_empty(),
        outlier.with_all(config.outlier.settings()).unless_empty(),
        pool(config).unless_empty(),
        budget(config).unless_empty(),
        tls,
    ];
    all.into_iter().flatten().collect()
}

fn endpoints(config: &ClusterConfig) -> Setting {
    let setting = Setting::new("endpoints", config.origins.endpoints.clone());
    let listed = |names: Vec<String>| {
        let more = names.len().saturating_sub(MAX_LISTED);
        let mut text = names
            .into_iter()
            .take(MAX_LISTED)
            .collect::<Vec<_>>()
            .join(", ");
        if more > 0 {
            let _ = write!(text, " and {more} more");
        }
        text
    };
    match &config.endpoints {
        ClusterDiscovery::ByName => setting.with("discovery", "the host of the request"),
        ClusterDiscovery::Dns(names) => {
            let names = names.iter().map(|one| format!("{}:{}", one.name, one.port));
            setting.with("dns", listed(names.collect()))
        }
        ClusterDiscovery::Fixed(all) => {
            let addresses = all.iter().map(|one| match one.weight {
                0 | 1 => one.address.to_string(),
                weight => format!("{} weight {weight}", one.address),
            });
            setting.with("addresses", listed(addresses.collect()))
        }
        ClusterDiscovery::Unknown => setting.with("discovery", "unknown cluster"),
    }
}

fn pool(config: &ClusterConfig) -> Setting {
    let ConnectionPoolConfig {
        connect_timeout,
        http2,
        http2_keep_alive,
        idle_timeout,
        max_connections,
        max_connection_duration,
        max_pending,
        max_requests_per_connection,
    } = config.pool;
    let time = |time: Option<Duration>| {
        let time = time.filter(|time| !time.is_zero());
        time.map(|time| format!("{time:?}"))
    };
    let in_flight = config.limit.max_in_flight();
    Setting::new("connectionPool", config.origins.pool.clone())
        .with_some("maxConnections", max_connections)
        .with_some("http1MaxPendingRequests", max_pending)
        .with_some("http2MaxRequests", (in_flight > 0).then_some(in_flight))
        .with_some("maxRequestsPerConnection", max_requests_per_connection)
        .with_some("maxRetries", config.retries.max_parallel)
        .with_some("connectTimeout", time(connect_timeout))
        .with_some("idleTimeout", time(idle_timeout))
        .with_some("maxConnectionDuration", time(max_connection_duration))
        .with_some("http2", http2.then_some(true))
        .with_some(
            "http2KeepAlive",
            http2_keep_alive
                .map(|(interval, timeout)| format!("every {interval:?} for {timeout:?}")),
        )
}

fn budget(config: &ClusterConfig) -> Setting {
    let setting = Setting::new("retryBudget", config.origins.budget.clone());
    let interval = config.retries.budget_interval;
    match config.retries.budget {
        Some((share, min)) => setting
            .with("percent", share)
            .with("minRetryConcurrency", min)
            .with_some(
                "budgetInterval",
                (!interval.is_zero()).then(|| format!("{interval:?}")),
            ),
        None => setting,
    }
}
