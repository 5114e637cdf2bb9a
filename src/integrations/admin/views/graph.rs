//! Service graph: who calls whom, how often, and how that goes.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use crate::foundation::outcome::{Direction, Source};
use crate::integrations::admin::page::Shared;
use crate::integrations::admin::recorder::EdgeTraffic;
use crate::integrations::admin::security::redact;
use crate::mesh::snapshot::{ClusterSnapshot, MeshSnapshot, ProxySnapshot};

/// Maximum number of edges.
const MAX_EDGES: usize = 2_000;

/// Edge by its ends: the id of the caller, the id of the host, and the cluster.
type Key = (String, String, String);

#[derive(Default)]
struct Graph {
    edges: BTreeMap<Key, Edge>,
    nodes: BTreeMap<String, Node>,
}

#[derive(Default)]
struct Edge {
    ejected: usize,
    endpoints: usize,
    traffic: EdgeTraffic,
    weight: Option<(u32, u64)>,
}

#[derive(Default)]
struct Node {
    inbound: EdgeTraffic,
    kind: &'static str,
}

/// Node of the stacks by hand.
const PROCESS: &str = "this process";

/// Part that a source has in a request.
enum Role {
    Called,
    Caller,
    /// A gateway, which serves a request and sends it on.
    Forwarding,
}

impl Role {
    fn of(source: &Source, clients: &HashSet<Box<str>>) -> Self {
        match source.direction() {
            Some(Direction::Outbound) => Self::Caller,
            Some(Direction::Gateway) if source.host().is_some() => Self::Forwarding,
            // A stack by hand with a host is a client's.
            None if source.host().is_some() => Self::Caller,
            None if source.name().is_some_and(|name| clients.contains(name)) => Self::Caller,
            _ => Self::Called,
        }
    }
}

/// Returns the id of the node that a source belongs to.
fn own(source: &Source) -> String {
    match (source.namespace(), source.workload(), source.name()) {
        (Some(namespace), Some(workload), _) => format!("{namespace}/{workload}"),
        (_, _, Some(name)) => name.to_owned(),
        _ => PROCESS.to_owned(),
    }
}

/// Returns the graph of this process.
pub(in crate::integrations::admin) fn graph(shared: &Shared, mesh: &MeshSnapshot) -> Value {
    let mut graph = Graph::default();
    for proxy in &mesh.proxies {
        graph.proxy(proxy);
    }
    let clients = shared.stacks.clients();
    for (source, traffic) in shared.recorder.requests() {
        match Role::of(&source, &clients) {
            Role::Called => graph.served(&source, &traffic),
            Role::Caller => graph.called(&source, &traffic),
            Role::Forwarding => {
                graph.served(&source, &traffic);
                graph.called(&source, &traffic);
            }
        }
    }
    graph.value()
}

impl Graph {
    fn proxy(&mut self, proxy: &ProxySnapshot) {
        let own = format!("{}/{}", proxy.namespace, proxy.name);
        let kind = if proxy.is_gateway {
            "gateway"
        } else {
            "workload"
        };
        self.nodes.entry(own.clone()).or_default().kind = kind;
        for cluster in &proxy.clusters {
            let edge = self.edge(&own, &cluster.host, &cluster.name);
            let ejected = cluster.endpoints.iter();
            edge.endpoints = cluster.endpoints.len();
            edge.ejected = ejected.filter(|one| one.ejection.is_some()).count();
            edge.weight = weight(proxy, cluster);
        }
    }

    /// Adds requests that a workload served.
    fn served(&mut self, source: &Source, traffic: &EdgeTraffic) {
        self.node(&own(source)).inbound.merge(traffic);
    }

    /// Adds requests that a workload or a stack by hand sent.
    fn called(&mut self, source: &Source, traffic: &EdgeTraffic) {
        let is_by_hand = source.workload().is_none();
        let from = if is_by_hand {
            PROCESS.to_owned()
        } else {
            own(source)
        };
        self.node(&from);
        let named = source.name().filter(|_| is_by_hand);
        let host = source.host().or(named).unwrap_or("unknown host");
        let edge = self.edge(&from, host, source.cluster().unwrap_or_default());
        edge.traffic.merge(traffic);
    }

    fn node(&mut self, id: &str) -> &mut Node {
        let node = self.nodes.entry(id.to_owned()).or_default();
        if !matches!(node.kind, "gateway" | "workload") {
            node.kind = "workload";
        }
        node
    }

    fn edge(&mut self, from: &str, host: &str, cluster: &str) -> &mut Edge {
        let to = node_of(host);
        self.nodes.entry(to.clone()).or_insert_with(|| Node {
            kind: "host",
            ..Node::default()
        });
        let key = (from.to_owned(), to, cluster.to_owned());
        self.edges.entry(key).or_default()
    }

    fn value(self) -> Value {
        let nodes = self.nodes.into_iter().map(|(id, node)| {
            let mut value = traffic(&node.inbound);
            value["id"] = id.into();
            value["kind"] = node.kind.into();
            value
        });
        let nodes: Vec<_> = nodes.collect();
        let edges = self.edges.into_iter().take(MAX_EDGES);
        let edges = edges.map(|((from, to, cluster), edge)| {
            let mut value = traffic(&edge.traffic);
            value["from"] = from.into();
            value["to"] = to.into();
            value["subset"] = subset(&cluster).into();
            value["cluster"] = cluster.into();
            value["endpoints"] = edge.endpoints.into();
            value["ejected"] = edge.ejected.into();
            value["weight"] = edge.weight.map(|(weight, _)| weight).into();
            value["total_weight"] = edge.weight.map(|(_, total)| total).into();
            value
        });
        let mut value = json!({ "nodes": nodes, "edges": edges.collect::<Vec<_>>() });
        redact::value(&mut value);
        value
    }
}

fn traffic(traffic: &EdgeTraffic) -> Value {
    json!({
        "requests": traffic.requests(),
        "rate": (traffic.rate() * 100.0).round() / 100.0,
        "errors": traffic.errors(),
        "client_errors": traffic.client_errors(),
        "rejected": traffic.rejected(),
        "abandoned": traffic.abandoned(),
        "retries": traffic.retries(),
        "p50_ms": traffic.millis(500),
        "p99_ms": traffic.millis(990),
    })
}

/// Returns the id of a host's node: that of the workload behind a service of Kubernetes, by the convention that both
/// have one name.
fn node_of(host: &str) -> String {
    let service = host
        .split_once(".svc.")
        .or_else(|| host.strip_suffix(".svc").map(|host| (host, "")));
    match service.and_then(|(service, _)| service.split_once('.')) {
        Some((name, namespace)) => format!("{namespace}/{name}"),
        None => host.to_owned(),
    }
}

/// Returns the subset in the name of a cluster, `outbound|port|subset|host`.
fn subset(cluster: &str) -> Option<&str> {
    cluster
        .split('|')
        .nth(2)
        .filter(|subset| !subset.is_empty())
}

/// Returns the weight of a cluster and the sum of all weights, in the first route that splits requests to it.
fn weight(proxy: &ProxySnapshot, cluster: &ClusterSnapshot) -> Option<(u32, u64)> {
    let routes = proxy.hosts.iter().flat_map(|host| &host.routes);
    let mut splits = routes.filter(|route| route.destinations.len() > 1);
    splits.find_map(|route| {
        let total = route.destinations.iter().map(|one| u64::from(one.weight));
        let own = route.destinations.iter().find(|one| {
            let port = one.port.is_none() || one.port == cluster.port;
            one.host == cluster.host && one.subset == cluster.subset && port
        });
        Some((own?.weight, total.sum()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_kubernetes_is_its_workload_and_another_host_is_itself() {
        let cases = [
            ("users.waste.svc.cluster.local", "waste/users"),
            ("users.waste.svc", "waste/users"),
            ("api.openai.com", "api.openai.com"),
            ("users", "users"),
        ];
        for (host, id) in cases {
            assert_eq!(node_of(host), id);
        }
    }

    #[test]
    fn the_subset_is_read_from_the_name_of_the_cluster() {
        assert_eq!(subset("outbound|80|v2|users"), Some("v2"));
        assert_eq!(subset("outbound|80||users"), None);
        assert_eq!(subset("PassthroughCluster"), None);
    }
}
