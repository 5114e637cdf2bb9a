//! Configuration in the form of Envoy's `/config_dump`.

use serde_json::{Value, json};

use super::state::node_id;
use crate::foundation::outcome::Origin;
use crate::integrations::admin::page::Shared;
use crate::integrations::admin::security::redact;
use crate::mesh::snapshot::{
    ClusterSnapshot, DestinationSnapshot, HostSnapshot, ProxySnapshot, RouteSnapshot,
};

const TYPE: &str = "type.googleapis.com/envoy.admin.v3.";

/// Returns the configuration that the proxies have applied: three dumps for each.
pub(in crate::integrations::admin) fn dump(shared: &Shared) -> Value {
    let mesh = shared.mesh.snapshot();
    let configs: Vec<_> = mesh.proxies.iter().flat_map(of_proxy).collect();
    let mut value = json!({ "configs": configs });
    redact::value(&mut value);
    value
}

fn of_proxy(proxy: &ProxySnapshot) -> [Value; 3] {
    let version = proxy.version.to_string();
    let clusters = proxy.clusters.iter();
    let clusters: Vec<_> = clusters
        .map(|one| json!({ "version_info": version, "cluster": cluster(one) }))
        .collect();
    let hosts: Vec<_> = proxy.hosts.iter().map(host).collect();
    let id = node_id(proxy);
    [
        json!({
            "@type": format!("{TYPE}BootstrapConfigDump"),
            "bootstrap": { "node": { "id": id, "metadata": { "LABELS": proxy.labels } } },
        }),
        json!({
            "@type": format!("{TYPE}ClustersConfigDump"),
            "version_info": version,
            "dynamic_active_clusters": clusters,
        }),
        json!({
            "@type": format!("{TYPE}RoutesConfigDump"),
            "dynamic_route_configs": [{
                "version_info": version,
                "route_config": { "name": id, "virtual_hosts": hosts },
            }],
        }),
    ]
}

fn cluster(cluster: &ClusterSnapshot) -> Value {
    let kind = match cluster.discovery {
        "dns" => "STRICT_DNS",
        "fixed" => "STATIC",
        "name" => "LOGICAL_DNS",
        _ => "EDS",
    };
    let endpoints = cluster.endpoints.iter().map(|one| {
        json!({
            "endpoint": { "address": one.address },
            "metadata": { "filter_metadata": { "envoy.lb": one.labels } },
            "load_balancing_weight": one.weight,
        })
    });
    json!({
        "name": cluster.name,
        "type": kind,
        "load_assignment": {
            "cluster_name": cluster.name,
            "endpoints": [{ "lb_endpoints": endpoints.collect::<Vec<_>>() }],
        },
        "metadata": metadata(cluster.rule.as_ref()),
    })
}

fn host(host: &HostSnapshot) -> Value {
    let routes: Vec<_> = host.routes.iter().map(route).collect();
    json!({
        "name": host.id,
        "domains": [host.host],
        "routes": routes,
        "metadata": metadata(host.origin.as_ref()),
    })
}

fn route(route: &RouteSnapshot) -> Value {
    let clusters = route.destinations.iter().map(|one| {
        json!({ "name": cluster_name(one), "weight": one.weight, "documented_weight": one.documented_weight })
    });
    let timeout = route.timeout.map(|timeout| timeout.as_secs_f64());
    json!({
        "name": route.name,
        "route": {
            "weighted_clusters": { "clusters": clusters.collect::<Vec<_>>() },
            "timeout": timeout.map_or_else(|| "0s".to_owned(), |seconds| format!("{seconds}s")),
            "retry_policy": { "num_retries": route.retries },
        },
        "metadata": metadata(route.origin.as_ref()),
    })
}

fn cluster_name(destination: &DestinationSnapshot) -> String {
    let port = destination.port.map(|port| port.to_string());
    let (port, subset) = (port.unwrap_or_default(), destination.subset.as_deref());
    format!(
        "outbound|{port}|{}|{}",
        subset.unwrap_or_default(),
        destination.host
    )
}

/// Returns the place in the documents, under Istio's key.
fn metadata(origin: Option<&Origin>) -> Value {
    match origin {
        Some(origin) => {
            let place = origin.to_string();
            json!({ "filter_metadata": { "istio": { "config": origin.object(), "place": place } } })
        }
        None => json!({}),
    }
}
