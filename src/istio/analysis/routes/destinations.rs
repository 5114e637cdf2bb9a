use crate::istio::analysis::AnalysisReport;
use crate::istio::analysis::context::{AnalysisContext, full};
use crate::istio::api::fields::read::Spanned;
use crate::istio::api::http_route::Destination;
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;
use crate::istio::validation::is_for_mesh;

/// Hosts and ports that no document has: of what is called, and of what is called for it.
pub(in crate::istio::analysis) fn destinations(
    index: usize,
    service: &VirtualService,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let own = context.namespace(index);
    if is_for_mesh(&service.gateways) {
        for host in &service.hosts {
            let name = full(&host.value, own);
            // Routes may be for a host that no document describes, such as one of the internet.
            if !context.knows(&name)
                && let Some(near) = context.near(&name)
            {
                advice.push(index, unknown_host(host, Some(near), own, true));
            }
        }
    }
    for destination in all(service) {
        let Some(host) = &destination.host else {
            continue;
        };
        let name = full(&host.value, own);
        if let Some(ports) = context.ports(&name) {
            port(index, destination, host, &ports, advice);
        } else if !context.knows(&name) {
            let near = context.near(&name);
            if near.is_some() || context.shows_services_beside(&name) {
                advice.push(index, unknown_host(host, near, own, false));
            }
        }
    }
    bypassed(index, service, context, advice);
}

/// Returns all destinations, those of mirrors included.
fn all(service: &VirtualService) -> impl Iterator<Item = &Destination> {
    let http = service.http.0.iter().flatten().flat_map(|route| {
        let to = route.route.0.iter().flatten();
        let to = to.filter_map(|route| route.destination.as_ref());
        let mirrors = route.mirrors.0.iter().flatten();
        let mirrors = mirrors.filter_map(|mirror| mirror.destination.as_ref());
        to.chain(route.mirror.as_deref()).chain(mirrors)
    });
    let tls = service
        .tls
        .0
        .iter()
        .flatten()
        .flat_map(|route| route.route.0.iter());
    let tcp = service
        .tcp
        .0
        .iter()
        .flatten()
        .flat_map(|route| route.route.0.iter());
    let connections = tls.chain(tcp).flatten();
    http.chain(connections.filter_map(|route| route.destination.as_ref()))
}

fn unknown_host(host: &Spanned<String>, near: Option<&str>, own: &str, is_called: bool) -> Finding {
    let text = shorten(&host.value);
    let effect = if is_called {
        "the routes are for calls of that name, and hold for no other"
    } else {
        "requests go where DNS leads, which most likely does not know the name"
    };
    let istio = if is_called {
        "the same: the routes hold for no service that there is"
    } else {
        "Envoy answers 503 (no such cluster), unless the cluster has the service"
    };
    // As the author would write it: short within the namespace.
    let short = |near: &str| -> String {
        let end = format!(".{own}.svc.cluster.local");
        near.strip_suffix(&end)
            .filter(|_| !text.contains('.'))
            .unwrap_or(near)
            .to_owned()
    };
    Finding::warning(Code::ReferenceNotFound, host.at)
        .message(format!(
            "no document here says that there is a service `{text}`"
        ))
        .effect(effect)
        .in_istio(istio)
        .help(near.map_or_else(
            || "name a service that there is, or add its document".to_owned(),
            |near| format!("did you mean `{}`?", shorten(&short(near))),
        ))
}

/// The port of a destination, among those that its service has.
fn port(
    index: usize,
    destination: &Destination,
    host: &Spanned<String>,
    ports: &[u32],
    advice: &mut AnalysisReport,
) {
    let written = destination.port.as_ref().and_then(|port| port.number);
    let text = shorten(&host.value);
    let list = list(ports);
    match written {
        Some(written) if !ports.contains(&written.value) && !ports.is_empty() => {
            let message = format!("`{text}` has no port {}: it has {list}", written.value);
            let help = match ports {
                [only] => format!("did you mean `{only}`?"),
                _ => "write one of its ports, or add the port to it".to_owned(),
            };
            advice.push(
                index,
                Finding::warning(Code::ReferenceNotFound, written.at)
                    .message(message)
                    .effect("requests to this subset are answered with 503")
                    .in_istio("Envoy answers 503 (no such cluster)")
                    .help(help),
            );
        }
        None if ports.len() > 1 => advice.push(index, which_port(host.at, text, &list)),
        _ => {}
    }
}

fn which_port(at: NodeId, host: &str, list: &str) -> Finding {
    Finding::warning(Code::PortRequired, at)
        .message(format!("`{host}` has several ports, {list}, and the destination says none"))
        .effect("the port that was called is taken")
        .in_istio("a proxy takes the port that was called, and a gateway its own; `istioctl analyze` refuses it")
        .help("write `port: {number: …}`")
}

fn list(ports: &[u32]) -> String {
    let shown: Vec<_> = ports.iter().take(8).map(ToString::to_string).collect();
    match shown.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Routes of a gateway to a host, for which only calls within the mesh are split into subsets.
fn bypassed(
    index: usize,
    service: &VirtualService,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    if service.gateways.is_empty() {
        return;
    }
    let own = context.namespace(index);
    let routes = service.http.0.iter().flatten();
    let to = routes.flat_map(|route| route.route.0.iter().flatten());
    for destination in to.filter_map(|route| route.destination.as_ref()) {
        let is_whole = destination
            .subset
            .as_ref()
            .is_none_or(|subset| subset.value.is_empty());
        let Some(host) = destination.host.as_ref().filter(|_| is_whole) else {
            continue;
        };
        let name = full(&host.value, own);
        let Some(other) = context.splitter(&name).filter(|other| *other != index) else {
            continue;
        };
        let parsed = &context.objects[other];
        advice.push(
            index,
            Finding::warning(Code::RoutesBypassed, host.at)
                .message(format!(
                    "the VirtualService {}/{} splits `{}` into subsets for the mesh, and not for this gateway",
                    shorten(&parsed.object.namespace),
                    shorten(&parsed.object.name),
                    shorten(&host.value)
                ))
                .effect("requests through the gateway go to all endpoints of the host")
                .in_istio("the same: a gateway has the routes that are bound to it, and no others")
                .help("write the subsets at this destination too, or bind the other one to the gateway")
                .also_there(parsed.location()),
        );
    }
}
