use std::collections::{BTreeSet, HashMap};

use super::Labels;
use crate::istio::model::foreign::{Foreign, MESH_CONFIG};
use crate::istio::syntax::tree::{NodeId, Tree, Value};

/// The objects of Kubernetes among the documents.
#[derive(Debug, Default)]
pub(in crate::istio::analysis) struct Cluster<'a> {
    pub(in crate::istio::analysis) services: Vec<Service<'a>>,
    pub(in crate::istio::analysis) workloads: Vec<Workload<'a>>,
    pub(super) namespaces: BTreeSet<&'a str>,
    /// True if the mesh configuration allocates addresses for service entries without any.
    pub(in crate::istio::analysis) allocates_addresses: bool,
    /// The hosts of the gateways of the Gateway API, by namespace and name.
    gateways: HashMap<(&'a str, &'a str), Vec<&'a str>>,
}

/// A `Service`.
#[derive(Debug)]
pub(in crate::istio::analysis) struct Service<'a> {
    /// Index of the object among the foreign objects.
    pub(super) index: usize,
    pub(in crate::istio::analysis) name: &'a str,
    pub(in crate::istio::analysis) namespace: &'a str,
    pub(super) labels: Labels<'a>,
    pub(super) selector: Labels<'a>,
    pub(super) is_external: bool,
    pub(in crate::istio::analysis) ports: Vec<ServicePort<'a>>,
}

/// A port of a `Service`.
#[derive(Debug)]
pub(in crate::istio::analysis) struct ServicePort<'a> {
    pub(super) at: NodeId,
    pub(super) name: Option<&'a str>,
    pub(in crate::istio::analysis) number: u32,
    /// The port of the pods; `None` if it has a name.
    pub(super) target: Option<u32>,
    pub(super) protocol: &'a str,
    pub(super) app_protocol: Option<&'a str>,
}

/// A `Pod`, or the template of some.
#[derive(Debug)]
pub(in crate::istio::analysis) struct Workload<'a> {
    pub(in crate::istio::analysis) namespace: &'a str,
    pub(in crate::istio::analysis) labels: Labels<'a>,
}

impl<'a> Cluster<'a> {
    pub(in crate::istio::analysis) fn of(foreign: &'a [Foreign]) -> Self {
        let mut cluster = Self::default();
        for (index, one) in foreign.iter().enumerate() {
            cluster.add(index, one);
        }
        cluster
    }

    /// Returns the hosts of a gateway of the Gateway API; one without any is for all.
    pub(in crate::istio::analysis) fn gateway(
        &self,
        namespace: &str,
        name: &str,
    ) -> Option<Vec<&'a str>> {
        self.gateways.get(&(namespace, name)).cloned()
    }

    fn add(&mut self, index: usize, foreign: &'a Foreign) {
        let at = foreign.at;
        let (namespace, name) = (
            foreign.named.namespace.as_str(),
            foreign.named.name.as_str(),
        );
        let kind = (foreign.named.group.as_str(), foreign.named.kind.as_str());
        if !is_looked_into(kind) {
            return;
        }
        let tree = foreign.tree();
        let spec = tree.child(at, "spec");
        let pods = match kind {
            ("", "Service") => {
                self.services.push(service(index, foreign, spec));
                None
            }
            ("", "Namespace") => {
                self.namespaces.insert(name);
                None
            }
            ("gateway.networking.k8s.io", "Gateway") => {
                let listeners = spec.and_then(|spec| tree.child(spec, "listeners"));
                let listeners = listeners.into_iter().flat_map(|at| tree.items(at));
                // A listener without a host takes all.
                let hosts = listeners.map(|at| text(tree, *at, "hostname").unwrap_or("*"));
                self.gateways.insert((namespace, name), hosts.collect());
                None
            }
            ("", MESH_CONFIG) => {
                self.allocates_addresses |= allocates_addresses(tree, at);
                None
            }
            ("", "Pod") => Some(at),
            ("apps", _) | ("batch", "Job") => spec.and_then(|at| tree.child(at, "template")),
            ("batch", "CronJob") => spec
                .and_then(|at| tree.child(at, "jobTemplate"))
                .and_then(|at| tree.child(at, "spec"))
                .and_then(|at| tree.child(at, "template")),
            _ => None,
        };
        if let Some(pods) = pods {
            let labels = tree
                .child(pods, "metadata")
                .and_then(|at| tree.child(at, "labels"));
            let labels = Labels::at(tree, labels);
            self.workloads.push(Workload { namespace, labels });
        }
    }
}

/// Says whether objects of a kind are part of the cluster here: of others no tree is wanted.
fn is_looked_into(kind: (&str, &str)) -> bool {
    matches!(
        kind,
        ("", "Namespace" | "Pod" | "Service" | MESH_CONFIG)
            | ("apps", _)
            | ("batch", "CronJob" | "Job")
            | ("gateway.networking.k8s.io", "Gateway")
    )
}

fn allocates_addresses(tree: &Tree, at: NodeId) -> bool {
    let path = [
        "defaultConfig",
        "proxyMetadata",
        "ISTIO_META_DNS_AUTO_ALLOCATE",
    ];
    let value = path.iter().try_fold(at, |at, key| tree.child(at, key));
    value.is_some_and(|at| match tree.value(at) {
        Value::Bool(value) => *value,
        Value::Text(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    })
}

fn service(index: usize, foreign: &Foreign, spec: Option<NodeId>) -> Service<'_> {
    let tree = foreign.tree();
    let metadata = tree.child(foreign.at, "metadata");
    let child = |key| spec.and_then(|spec| tree.child(spec, key));
    let ports = child("ports").into_iter().flat_map(|at| tree.items(at));
    Service {
        index,
        name: &foreign.named.name,
        namespace: &foreign.named.namespace,
        labels: Labels::at(tree, metadata.and_then(|at| tree.child(at, "labels"))),
        selector: Labels::at(tree, child("selector")),
        is_external: child("type").and_then(|at| tree.text(at)) == Some("ExternalName"),
        ports: ports.filter_map(|at| port(tree, *at)).collect(),
    }
}

fn port(tree: &Tree, at: NodeId) -> Option<ServicePort<'_>> {
    let number = number(tree, tree.child(at, "port")?)?;
    let target = tree.child(at, "targetPort");
    Some(ServicePort {
        at,
        name: text(tree, at, "name"),
        number,
        target: target.map_or(Some(number), |at| self::number(tree, at)),
        protocol: text(tree, at, "protocol").unwrap_or("TCP"),
        app_protocol: text(tree, at, "appProtocol"),
    })
}

fn text<'a>(tree: &'a Tree, at: NodeId, key: &str) -> Option<&'a str> {
    let text = tree.text(tree.child(at, key)?)?;
    (!text.is_empty()).then_some(text)
}

fn number(tree: &Tree, at: NodeId) -> Option<u32> {
    match tree.value(at) {
        Value::Int(number) => u32::try_from(*number).ok(),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}
