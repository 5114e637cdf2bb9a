use super::super::AnalysisReport;
use super::shown::{Cluster, Service, ServicePort};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::is_known_protocol;

/// Namespaces of Kubernetes itself, whose services no mesh has.
const SYSTEM: [&str; 4] = [
    "kube-node-lease",
    "kube-public",
    "kube-system",
    "local-path-storage",
];
/// Ports of protocols that are never HTTP: SMTP, DNS, `MySQL`, `MongoDB`.
const OPAQUE: [u32; 4] = [25, 53, 3306, 27017];

/// Ports of services, whose names tell Istio the protocol.
pub(super) fn ports(cluster: &Cluster<'_>, advice: &mut AnalysisReport) {
    for service in &cluster.services {
        let is_istio =
            service.labels.has("istio") || service.labels.get("release") == Some("istio");
        if is_istio || SYSTEM.contains(&service.namespace) {
            continue;
        }
        for port in &service.ports {
            let is_tcp = service.is_external && port.name == Some("tcp");
            if is_tcp || !says_protocol(port) {
                advice.push_foreign(service.index, finding(service, port));
            }
        }
    }
}

fn says_protocol(port: &ServicePort<'_>) -> bool {
    let name = port.app_protocol.or(port.name).unwrap_or_default();
    let first = name.split('-').next().unwrap_or_default();
    port.protocol == "UDP"
        || name.starts_with("kubernetes.io/")
        || is_known_protocol(first)
        || OPAQUE.contains(&port.number)
}

fn finding(service: &Service<'_>, port: &ServicePort<'_>) -> Finding {
    let named = port.name.map_or_else(
        || "has no name".to_owned(),
        |name| format!("is called `{}`", shorten(name)),
    );
    let message = format!("port {} {named}, which says no protocol", port.number);
    let help = format!("name it by its protocol, such as `http-{}`", service.name);
    let effect = "it changes nothing: requests are HTTP whatever it says";
    if service.is_external {
        return Finding::warning(Code::ExternalNamePort, port.at)
            .message(message)
            .effect(effect)
            .in_istio("its proxies may take connections of others to that port for this service")
            .help(help);
    }
    Finding::note(Code::PortName, port.at)
        .message(message)
        .effect(effect)
        .in_istio("it looks at the first bytes of each connection, and takes what it does not know for TCP")
        .help(help)
}
