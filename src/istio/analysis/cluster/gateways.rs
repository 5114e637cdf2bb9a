use super::super::AnalysisReport;
use super::super::context::AnalysisContext;
use super::Labels;
use super::selectors::share;
use crate::istio::api::fields::read::Text;
use crate::istio::api::gateway::{Gateway, Server, ServerTls};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::model::spec::Spec;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;
use crate::istio::validation::overlaps;

/// Each is compared with those before and after it, so that there is an end to it.
const MAX_COMPARED: usize = 500;
/// The label of the ingress that comes with Istio, and the ports of its Service.
const DEFAULT_INGRESS: (&str, &str) = ("istio", "ingressgateway");
const DEFAULT_PORTS: [u32; 3] = [80, 443, 15021];

struct Own<'a> {
    index: usize,
    gateway: &'a Gateway,
    selector: Labels<'a>,
    /// The places of the workloads that are selected, if any are among the documents.
    selected: Option<Vec<usize>>,
}

/// Gateways that get in each other's way, and ports that no Service lets in.
pub(super) fn gateways(context: &AnalysisContext<'_>, advice: &mut AnalysisReport) {
    let all: Vec<_> = context
        .objects
        .iter()
        .enumerate()
        .filter_map(|(index, parsed)| match &parsed.object.spec {
            Some(Spec::Gateway(gateway)) => {
                let selector = Labels::of(&gateway.selector);
                Some(Own {
                    index,
                    gateway,
                    selected: context.selected(None, &selector),
                    selector,
                })
            }
            _ => None,
        })
        .collect();
    for one in &all {
        ports(one, context, advice);
        let others = all.iter().take(MAX_COMPARED);
        let others =
            others.filter(|other| other.index != one.index && meet_at(one, other, context));
        let (mut conflicts, mut same) = (false, false);
        for other in others {
            if !context.spend(size(one.gateway).saturating_mul(size(other.gateway))) {
                return;
            }
            if let Some(server) = conflict(one, other, context).filter(|_| !conflicts) {
                conflicts = true;
                advice.push(one.index, conflicting(server, other, context));
            }
            if let Some((at, name)) = same_certificate(one, other).filter(|_| !same) {
                same = true;
                advice.push(one.index, duplicate(at, name, other, context));
            }
        }
    }
}

/// Says whether some workload is both.
fn meet_at(one: &Own<'_>, other: &Own<'_>, context: &AnalysisContext<'_>) -> bool {
    let (own, its) = (&one.selector, &other.selector);
    if own == its {
        return true;
    }
    let is_within = own.select(its) || its.select(own);
    let are_some = !own.is_empty() && !its.is_empty();
    are_some && (is_within || share(one.selected.as_deref(), other.selected.as_deref(), context))
}

/// Counts the hosts and servers that are compared.
fn size(gateway: &Gateway) -> usize {
    let servers = gateway.servers.0.iter().flatten();
    servers.map(|server| 1 + server.hosts.len()).sum()
}

/// Finds a server whose port and host another gateway has too.
fn conflict<'a>(
    one: &Own<'a>,
    other: &Own<'_>,
    context: &AnalysisContext<'_>,
) -> Option<&'a Server> {
    let port = |server: &Server| Some(server.port.as_ref()?.number?.value);
    let bind = |server: &Server| {
        server
            .bind
            .as_ref()
            .map(|bind| bind.value.clone())
            .unwrap_or_default()
    };
    let [own_in, its_in] = [one, other].map(|gateway| context.namespace(gateway.index));
    let servers = one.gateway.servers.0.iter().flatten();
    let mut servers = servers.filter(|server| port(server).is_some());
    servers.find(|server| {
        let its = other.gateway.servers.0.iter().flatten();
        let mut its = its.filter(|its| port(its) == port(server) && bind(its) == bind(server));
        its.any(|its| {
            server.hosts.iter().any(|host| {
                let meets = |other: &str| meet((&host.value, own_in), (other, its_in));
                its.hosts.iter().any(|other| meets(&other.value))
            })
        })
    })
}

/// Says whether two hosts of servers, each in a gateway of its namespace, have a host in common.
fn meet((one, one_in): (&str, &str), (two, two_in): (&str, &str)) -> bool {
    let split = |host: &str, own: &str| -> (String, String) {
        let (of, host) = host.split_once('/').unwrap_or(("*", host));
        (if of == "." { own } else { of }.to_owned(), host.to_owned())
    };
    let ((one_of, one), (two_of, two)) = (split(one, one_in), split(two, two_in));
    (one_of == two_of || one_of == "*" || two_of == "*") && overlaps(&one, &two)
}

fn conflicting(server: &Server, other: &Own<'_>, context: &AnalysisContext<'_>) -> Finding {
    let parsed = &context.objects[other.index];
    let port = server.port.as_ref().and_then(|port| port.number);
    let hosts: Vec<_> = server
        .hosts
        .iter()
        .take(3)
        .map(|host| host.value.as_str())
        .collect();
    Finding::warning(Code::ConflictingGateways, server.at)
        .message(format!(
            "the gateway {}/{} has port {} for {} too, at the same workloads",
            shorten(&parsed.object.namespace),
            shorten(&parsed.object.name),
            port.map_or(0, |port| port.value),
            shorten(&hosts.join(", "))
        ))
        .effect("each is served for itself: `Mesh::gateway` takes one of them")
        .in_istio("their servers are merged, or one of them is dropped if their protocols differ")
        .help("give the hosts to one of them, or make their selectors select different workloads")
        .also_there(parsed.location())
}

/// Finds a certificate that another gateway shows too.
fn same_certificate<'a>(one: &Own<'a>, other: &Own<'_>) -> Option<(NodeId, &'a str)> {
    fn tls(gateway: &Gateway) -> impl Iterator<Item = &ServerTls> {
        gateway
            .servers
            .0
            .iter()
            .flatten()
            .filter_map(|server| server.tls.as_ref())
    }
    fn set(text: &Text) -> Option<&str> {
        let text = text.as_ref()?.value.as_str();
        (!text.is_empty()).then_some(text)
    }
    tls(one.gateway).find_map(|own| {
        let is_same = |its: &ServerTls| match (set(&own.credential_name), set(&its.credential_name))
        {
            (Some(own), Some(its)) => own == its,
            (None, None) => {
                let both = |one: &Text, two: &Text| set(one).is_some() && set(one) == set(two);
                both(&own.server_certificate, &its.server_certificate)
                    && both(&own.private_key, &its.private_key)
            }
            _ => false,
        };
        let name = set(&own.credential_name).or_else(|| set(&own.server_certificate))?;
        tls(other.gateway).any(is_same).then_some((own.at, name))
    })
}

fn duplicate(at: NodeId, name: &str, other: &Own<'_>, context: &AnalysisContext<'_>) -> Finding {
    let parsed = &context.objects[other.index];
    Finding::warning(Code::DuplicateCertificate, at)
        .at_key()
        .message(format!(
            "the gateway {}/{} shows the certificate `{}` too, at the same workloads",
            shorten(&parsed.object.namespace),
            shorten(&parsed.object.name),
            shorten(name)
        ))
        .effect("it changes nothing: the listener has the certificates and the connections")
        .in_istio("a caller that uses one HTTP/2 connection for hosts of both may be answered 404")
        .help("have one gateway with all hosts of the certificate, and bind the routes to that")
        .also_there(parsed.location())
}

/// Ports that no Service in front of the gateway's workloads lets in.
fn ports(one: &Own<'_>, context: &AnalysisContext<'_>, advice: &mut AnalysisReport) {
    let cluster = &context.cluster;
    let mut targets = Vec::new();
    let selected = one.selected.as_deref().unwrap_or_default();
    if !context.spend(selected.len().saturating_mul(cluster.services.len())) {
        return;
    }
    for place in selected {
        let pod = &cluster.workloads[*place];
        let services = cluster.services.iter().filter(|service| {
            let is_near = service.namespace == pod.namespace;
            is_near && !service.selector.is_empty() && service.selector.select(&pod.labels)
        });
        for port in services.flat_map(|service| &service.ports) {
            match port.target {
                Some(target) if port.protocol == "TCP" => targets.push(target),
                Some(_) => {}
                // The name of a port of the pods, which may be any.
                None => return,
            }
        }
    }
    let is_default = targets.is_empty();
    if is_default {
        let (name, value) = DEFAULT_INGRESS;
        if !selected.is_empty() || one.selector.get(name) != Some(value) {
            return;
        }
        targets.extend(DEFAULT_PORTS);
    }
    for server in one.gateway.servers.0.iter().flatten() {
        let port = server.port.as_ref().and_then(|port| port.number);
        if let Some(port) = port.filter(|port| !targets.contains(&port.value)) {
            advice.push(one.index, not_let_in(port.value, port.at, is_default));
        }
    }
}

fn not_let_in(port: u32, at: NodeId, is_default: bool) -> Finding {
    let (finding, message) = if is_default {
        let message = format!("the Service of Istio's own ingress does not let in port {port}");
        (Finding::note(Code::GatewayPort, at), message)
    } else {
        let message = format!("no Service in front of the gateway's workloads lets in port {port}");
        (Finding::warning(Code::GatewayPort, at), message)
    };
    finding
        .message(message)
        .effect("it changes nothing: the listener has its port from the application")
        .in_istio("it listens there, and is reached from outside only if its Service has the port")
        .help("add the port to the Service, or write one that it has")
}
