//! Bounds of Kubernetes' schemas for lists, maps and texts of Istio's types.

use crate::istio::api::fields::read::{Reader, camel};
use crate::istio::diagnostics::finding::Finding;
use crate::istio::model::kind::Kind;
use crate::istio::syntax::tree::{NodeId, Tree, Value};

/// Maximum size of a value: items of a list, entries of a map, or characters of a text.
#[derive(Clone, Copy, Debug)]
struct Bound {
    /// By fields from the spec; `*` is any item or entry.
    path: &'static str,
    least: usize,
    most: usize,
}

const fn most(path: &'static str, most: usize) -> Bound {
    let least = 0;
    Bound { path, least, most }
}

const fn within(path: &'static str, least: usize, most: usize) -> Bound {
    Bound { path, least, most }
}

const SERVICE_ENTRY: &[Bound] = &[
    within("hosts", 1, 256),
    most("addresses", 256),
    most("addresses.*", 64),
    most("ports", 256),
    most("ports.*.name", 256),
    most("ports.*.protocol", 256),
    most("endpoints", 4_096),
    most("endpoints.*.address", 256),
    most("endpoints.*.labels", 256),
    most("endpoints.*.locality", 2_048),
    most("endpoints.*.network", 2_048),
    most("endpoints.*.ports", 128),
    most("endpoints.*.serviceAccount", 253),
    most("workloadSelector.labels", 256),
];
const WORKLOAD_ENTRY: &[Bound] = &[
    most("address", 256),
    most("labels", 256),
    most("locality", 2_048),
    most("network", 2_048),
    most("ports", 128),
    most("serviceAccount", 253),
];
const WORKLOAD_GROUP: &[Bound] = &[
    most("metadata.labels", 256),
    most("metadata.annotations", 256),
    most("template.address", 256),
    most("template.labels", 256),
    most("template.locality", 2_048),
    most("template.network", 2_048),
    most("template.ports", 128),
    most("template.serviceAccount", 253),
];
const DESTINATION_RULE: &[Bound] = &[
    most("trafficPolicy.portLevelSettings", 4_096),
    most("subsets.*.trafficPolicy.portLevelSettings", 4_096),
    most("workloadSelector.matchLabels", 4_096),
];
const GATEWAY: &[Bound] = &[
    within("servers.*.tls.credentialNames", 1, 2),
    within("servers.*.tls.tlsCertificates", 1, 2),
];
const SIDECAR: &[Bound] = &[
    within("ingress.*.tls.credentialNames", 1, 2),
    within("ingress.*.tls.tlsCertificates", 1, 2),
    most("workloadSelector.labels", 256),
];
const ENVOY_FILTER: &[Bound] = &[most("targetRefs", 16), most("workloadSelector.labels", 256)];
const TELEMETRY: &[Bound] = &[most("targetRefs", 16), most("selector.matchLabels", 4_096)];
const PEER_AUTHENTICATION: &[Bound] = &[most("selector.matchLabels", 4_096)];
const REQUEST_AUTHENTICATION: &[Bound] = &[
    most("targetRefs", 16),
    most("selector.matchLabels", 4_096),
    most("jwtRules", 4_096),
    most("jwtRules.*.jwksUri", 2_048),
    most("jwtRules.*.spaceDelimitedClaims", 64),
];
const AUTHORIZATION_POLICY: &[Bound] = &[
    most("targetRefs", 16),
    most("selector.matchLabels", 4_096),
    most("rules", 512),
    most("rules.*.from", 512),
    most("rules.*.from.*.source.serviceAccounts", 16),
    most("rules.*.from.*.source.serviceAccounts.*", 320),
    most("rules.*.from.*.source.notServiceAccounts", 16),
    most("rules.*.from.*.source.notServiceAccounts.*", 320),
];

/// Checks the sizes of what an object has.
pub(in crate::istio) fn bounds(kind: Kind, spec: NodeId, reader: &mut Reader<'_>) {
    let bounds = match kind {
        Kind::AuthorizationPolicy => AUTHORIZATION_POLICY,
        Kind::DestinationRule => DESTINATION_RULE,
        Kind::EnvoyFilter => ENVOY_FILTER,
        Kind::Gateway => GATEWAY,
        Kind::PeerAuthentication => PEER_AUTHENTICATION,
        Kind::RequestAuthentication => REQUEST_AUTHENTICATION,
        Kind::ServiceEntry => SERVICE_ENTRY,
        Kind::Sidecar => SIDECAR,
        Kind::Telemetry => TELEMETRY,
        Kind::VirtualService => &[],
        Kind::WorkloadEntry => WORKLOAD_ENTRY,
        Kind::WorkloadGroup => WORKLOAD_GROUP,
    };
    for bound in bounds {
        walk(bound.path, spec, bound, reader);
    }
}

fn walk(path: &str, at: NodeId, bound: &Bound, reader: &mut Reader<'_>) {
    let tree = reader.tree;
    if path.is_empty() {
        return size(at, bound, reader);
    }
    let (field, rest) = path.split_once('.').unwrap_or((path, ""));
    if field == "*" {
        for item in tree.items(at) {
            walk(rest, *item, bound, reader);
        }
    } else if let Some(child) = child(tree, at, field) {
        walk(rest, child, bound, reader);
    }
}

fn child(tree: &Tree, at: NodeId, field: &str) -> Option<NodeId> {
    let Value::Map(children) = tree.value(at) else {
        return None;
    };
    let is_field = |key: &str| key == field || key.contains('_') && camel(key) == field;
    let mut children = children.iter().copied();
    children.find(|child| tree.key(*child).is_some_and(is_field))
}

fn size(at: NodeId, bound: &Bound, reader: &mut Reader<'_>) {
    let (size, parsed) = match reader.tree.value(at) {
        Value::List(items) => (items.len(), "items"),
        Value::Map(entries) => (entries.len(), "entries"),
        Value::Text(text) => (text.chars().count(), "characters"),
        _ => return,
    };
    // A list that is required and empty was refused by its own check.
    if (bound.least..=bound.most).contains(&size) || size == 0 && bound.path == "hosts" {
        return;
    }
    let message = format!(
        "there are {size} {parsed}, where Kubernetes takes {} to {}",
        bound.least, bound.most
    );
    reader.findings.push(
        Finding::rejected(at)
            .at_key()
            .message(message)
            .in_istio("Kubernetes refuses it")
            .help("split the object, or shorten it"),
    );
}
