//! Clusters in the forms of Envoy's `/clusters`.

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::integrations::admin::page::Shared;
use crate::integrations::admin::recorder::EndpointCounts;
use crate::integrations::admin::security::redact;
use crate::mesh::snapshot::{ClusterSnapshot, EndpointSnapshot, ProxySnapshot};

/// Envoy's number for no limit.
const NO_LIMIT: u32 = u32::MAX;

/// Returns the clusters of the proxies whose `namespace/name` is `proxy`, or of all.
pub(in crate::integrations::admin) fn clusters(
    shared: &Shared,
    proxy: Option<&str>,
) -> Vec<ClusterSnapshot> {
    let is_asked = |one: &ProxySnapshot| {
        let name = format!("{}/{}", one.namespace, one.name);
        proxy.is_none_or(|proxy| proxy == name)
    };
    let proxies = shared.mesh.snapshot().proxies.into_iter();
    let proxies = proxies.filter(is_asked);
    proxies.flat_map(|one| one.clusters).collect()
}

/// Returns the text: a line for each value, as `cluster::endpoint::name::value`.
pub(in crate::integrations::admin) fn text(
    clusters: &[ClusterSnapshot],
    counts: &HashMap<u64, EndpointCounts>,
) -> String {
    let mut text = String::new();
    for cluster in clusters {
        let name = &cluster.name;
        for (limit, max) in limits(cluster) {
            let _ = writeln!(text, "{name}::default_priority::{limit}::{max}");
        }
        let _ = writeln!(text, "{name}::added_via_api::true");
        for endpoint in &cluster.endpoints {
            let address = &endpoint.address;
            for (stat, _, value) in stats(endpoint, counts) {
                let _ = writeln!(text, "{name}::{address}::{stat}::{value}");
            }
            let health = match endpoint.ejection {
                Some(_) => "/failed_outlier_check",
                None => "healthy",
            };
            let weight = endpoint.weight;
            let _ = writeln!(text, "{name}::{address}::hostname::{}", cluster.host);
            let _ = writeln!(text, "{name}::{address}::health_flags::{health}");
            let _ = writeln!(text, "{name}::{address}::weight::{weight}");
            let _ = writeln!(text, "{name}::{address}::priority::0");
        }
    }
    redact::text(&text).unwrap_or(text)
}

/// Returns the JSON of Envoy's `admin.v3.Clusters`.
pub(in crate::integrations::admin) fn json(
    clusters: &[ClusterSnapshot],
    counts: &HashMap<u64, EndpointCounts>,
) -> Value {
    let statuses = clusters.iter().map(|cluster| {
        let hosts = cluster.endpoints.iter();
        let hosts: Vec<_> = hosts
            .map(|endpoint| host(cluster, endpoint, counts))
            .collect();
        let thresholds: serde_json::Map<_, _> = limits(cluster)
            .map(|(name, max)| (name.to_owned(), max.into()))
            .into_iter()
            .collect();
        json!({
            "name": cluster.name,
            "added_via_api": true,
            "host_statuses": hosts,
            "circuit_breakers": { "thresholds": [thresholds] },
            "observability_name": cluster.name,
        })
    });
    let mut value = json!({ "cluster_statuses": statuses.collect::<Vec<_>>() });
    redact::value(&mut value);
    value
}

fn host(
    cluster: &ClusterSnapshot,
    endpoint: &EndpointSnapshot,
    counts: &HashMap<u64, EndpointCounts>,
) -> Value {
    let (host, port) = match endpoint.address.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().ok()),
        None => (&*endpoint.address, None),
    };
    // As protobuf's JSON has it: numbers of 64 bits as text, and a zero is left out.
    let stats = stats(endpoint, counts).map(|(name, kind, value)| {
        let mut stat = json!({ "name": name });
        if kind == "GAUGE" {
            stat["type"] = kind.into();
        }
        if value > 0 {
            stat["value"] = value.to_string().into();
        }
        stat
    });
    let mut health = json!({ "eds_health_status": "HEALTHY" });
    if endpoint.ejection.is_some() {
        health["failed_outlier_check"] = true.into();
    }
    json!({
        "address": { "socket_address": { "address": host, "port_value": port } },
        "stats": stats,
        "health_status": health,
        "weight": endpoint.weight,
        "hostname": cluster.host,
        "locality": {},
    })
}

fn limits(cluster: &ClusterSnapshot) -> [(&'static str, u32); 4] {
    let pool = cluster.pool.as_ref();
    let of_pool = |max: Option<Option<u32>>| max.flatten().unwrap_or(NO_LIMIT);
    [
        (
            "max_connections",
            of_pool(pool.map(|pool| pool.max_connections)),
        ),
        (
            "max_pending_requests",
            of_pool(pool.map(|pool| pool.max_pending)),
        ),
        (
            "max_requests",
            cluster.concurrency_limit.max_in_flight.unwrap_or(NO_LIMIT),
        ),
        (
            "max_retries",
            cluster.retry_budget.max_parallel.unwrap_or(NO_LIMIT),
        ),
    ]
}

/// Returns the counts of an endpoint: name, type and value.
fn stats(
    endpoint: &EndpointSnapshot,
    counts: &HashMap<u64, EndpointCounts>,
) -> [(&'static str, &'static str, u64); 5] {
    let counts = counts.get(&endpoint.id).copied().unwrap_or_default();
    [
        ("rq_active", "GAUGE", endpoint.in_flight.into()),
        ("rq_error", "COUNTER", counts.error),
        ("rq_success", "COUNTER", counts.success),
        ("rq_timeout", "COUNTER", counts.timeout),
        ("rq_total", "COUNTER", counts.total),
    ]
}
