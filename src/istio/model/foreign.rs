//! Objects of other projects among the documents: what is said of them, and what the analysis reads of them.

use std::sync::Arc;

use super::load::yaml_document::YamlDocument;
use super::object::ResourceName;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::diagnostic::Severity;
use crate::istio::diagnostics::finding::{Finding, Findings};
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::{NodeId, Tree};

/// The name of what has no kind: the configuration of a mesh.
pub(crate) const MESH_CONFIG: &str = "MeshConfig";

/// An object of a kind that is not Istio's.
#[derive(Debug)]
pub(crate) struct Foreign {
    pub(crate) named: Arc<ResourceName>,
    pub(crate) at: NodeId,
    pub(crate) findings: Findings,
    pub(in crate::istio) document: Arc<YamlDocument>,
    /// Index of its tree among those of the document.
    pub(in crate::istio) tree: usize,
}

/// Severity, message, effect and help of a finding about a foreign kind.
type Words = (Severity, &'static str, &'static str, &'static str);

impl Foreign {
    pub(crate) fn tree(&self) -> &Tree {
        self.document.tree(self.tree)
    }
}

/// Says that an object is passed over, and what does not happen for that.
pub(in crate::istio) fn passed_over(api_version: &str, kind: &str, at: NodeId) -> Finding {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let kind = shorten(kind);
    let Some((severity, effect, istio, help)) = words(group, kind) else {
        return Finding::note(Code::Skipped, at)
            .message(format!("{kind} is none of Istio's kinds"))
            .effect("it is passed over")
            .in_istio("Istio passes it over too: it is for others in the cluster")
            .help("nothing has to be done");
    };
    let finding = match severity {
        Severity::Note => Finding::note,
        _ => Finding::warning,
    };
    let of = if group.is_empty() {
        String::new()
    } else {
        format!(" of {}", shorten(group))
    };
    finding(Code::Skipped, at)
        .message(format!("{kind}{of} is read by Istio, and not here"))
        .effect(effect)
        .in_istio(istio)
        .help(help)
}

/// Says whether a document without a kind is the configuration of a mesh.
pub(in crate::istio) fn is_mesh_config(tree: &Tree, at: NodeId) -> bool {
    [
        "defaultConfig",
        "extensionProviders",
        "meshMTLS",
        "outboundTrafficPolicy",
    ]
    .iter()
    .any(|key| tree.child(at, key).is_some())
}

/// Returns what is said of kinds that Istio acts on, though they are not its own.
fn words(group: &str, kind: &str) -> Option<Words> {
    Some(match (group, kind) {
        (
            "gateway.networking.k8s.io",
            "GRPCRoute" | "HTTPRoute" | "TCPRoute" | "TLSRoute" | "UDPRoute",
        ) => (
            Severity::Warning,
            "none of its routes, weights and timeouts acts: requests go as if it were not there",
            "it makes the same routes of it as of a VirtualService",
            "write a VirtualService that says the same",
        ),
        ("gateway.networking.k8s.io", "Gateway") => (
            Severity::Note,
            "it is passed over: `Mesh::gateway` takes Istio's own kind of Gateway",
            "it deploys a gateway for it, and lets in what its listeners say",
            "write a Gateway of networking.istio.io",
        ),
        ("gateway.networking.k8s.io", "GatewayClass" | "ReferenceGrant") => (
            Severity::Note,
            "it is passed over",
            "it allows and implements Gateways and routes of the Gateway API by it",
            "nothing has to be done",
        ),
        ("gateway.networking.k8s.io" | "gateway.networking.x-k8s.io", _) => (
            Severity::Warning,
            "none of its settings acts",
            "it sets up its proxies by it",
            "write a DestinationRule or a VirtualService that says the same",
        ),
        ("", "Service") => (
            Severity::Note,
            "its name is known as a host; its ports and pods are not: requests go where DNS leads",
            "it is a host of the mesh, with its ports, and its pods as endpoints",
            "nothing has to be done in a cluster; elsewhere, write a ServiceEntry with `endpoints`",
        ),
        ("", "Endpoints") | ("discovery.k8s.io", "EndpointSlice") => (
            Severity::Note,
            "no endpoint is taken from it: requests go where DNS leads",
            "its addresses are the endpoints of a Service",
            "write them as `endpoints` of a ServiceEntry",
        ),
        ("networking.k8s.io", "Ingress") => (
            Severity::Note,
            "no route is made of it",
            "it routes by it if its class is Istio's",
            "write a Gateway and a VirtualService that say the same",
        ),
        ("", MESH_CONFIG) => (
            Severity::Note,
            "it is read for the analysis of documents only: `MeshBuilder` has what can be set here",
            "it is the configuration of the whole mesh",
            "nothing has to be done",
        ),
        ("", "Namespace" | "Pod") => (
            Severity::Note,
            "its name and labels are known to the analysis only",
            "it reads what is selected, injected and reached from it",
            "nothing has to be done",
        ),
        _ => return None,
    })
}
