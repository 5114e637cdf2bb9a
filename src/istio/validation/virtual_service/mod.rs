pub(in crate::istio::validation) mod answers;
pub(in crate::istio::validation) mod fault;
pub(in crate::istio::validation) mod header_operations;
pub(in crate::istio::validation) mod http_match;
pub(in crate::istio::validation) mod http_route;
pub(in crate::istio::validation) mod retries;

use super::Validator;
use super::exposure::Owner;
use super::names::{bad_domain, bad_wildcard, is_address, is_internal_sni, is_label, overlaps};
use crate::istio::api::fields::read::{Nullable, Spanned, Texts};
use crate::istio::api::virtual_service::{RouteDestination, TcpRoute, TlsRoute, VirtualService};
use crate::istio::model::names::is_covered_by;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;
use http_route::Part;

pub(super) fn virtual_service(c: &mut Validator<'_>, service: &VirtualService) {
    let is_delegate = service.hosts.is_empty();
    if is_delegate {
        delegate(c, service);
    } else {
        hosts(c, service);
    }
    gateways(c, &service.gateways);
    let Nullable(http) = &service.http;
    let (Nullable(tls), Nullable(tcp)) = (&service.tls, &service.tcp);
    // After another error this finding would only add noise.
    if http.is_empty() && tls.is_empty() && tcp.is_empty() && !c.findings.has_errors() {
        let message = "the virtual service has no route";
        c.require(service.at, "http", message, "write `http:` with a `route`");
    }
    let is_gateways = !is_for_mesh(&service.gateways);
    for route in http {
        match route {
            Some(route) => {
                let part = match (&route.delegate, is_delegate) {
                    (_, true) => Part::Delegate,
                    (Some(_), false) => Part::Root,
                    (None, false) => Part::Whole,
                };
                http_route::http_route(c, route, part, is_gateways);
            }
            None => c.reject(
                service.at,
                "a route of `http` is null",
                "write or remove it",
            ),
        }
    }
    for route in tls.iter().flatten() {
        tls_route(c, route, &service.hosts, is_gateways);
    }
    for route in tcp.iter().flatten() {
        tcp_route(c, route);
    }
    c.export_to(&service.export_to, Owner::Other);
}

fn delegate(c: &mut Validator<'_>, service: &VirtualService) {
    if let Some(gateway) = service.gateways.first() {
        let message = "a virtual service without `hosts` is a delegate, which has no gateways";
        c.reject(gateway.at, message, "write `hosts:`, or remove `gateways`");
    }
    let others = [service.tls.0.len(), service.tcp.0.len()];
    if others.iter().any(|len| *len > 0) {
        let message = "a virtual service without `hosts` is a delegate, which has `http` only";
        c.reject(
            service.at,
            message,
            "write `hosts:`, or remove `tls` and `tcp`",
        );
    }
}

fn hosts(c: &mut Validator<'_>, service: &VirtualService) {
    let is_mesh = is_for_mesh(&service.gateways);
    let matches = service.tls.0.iter().flatten();
    let mut matches = matches.flat_map(|route| route.matches.0.iter().flatten());
    let is_sni = !is_mesh && matches.any(|one| !one.sni_hosts.is_empty());
    let mut all_good = true;
    for host in &service.hosts {
        if is_sni && is_internal_sni(&host.value) {
            continue;
        }
        if bad_wildcard(&host.value).is_some() && !is_address(&host.value) {
            all_good = false;
            c.wildcard(host);
        } else if host.value == "*" && is_mesh {
            let message = "the host `*` cannot be for the whole mesh";
            c.reject(
                host.at,
                message,
                "name the hosts, or the `gateways` it is for",
            );
        }
    }
    // The comparison is quadratic: limited for generated documents.
    if !all_good || service.hosts.len() > 2_000 {
        return;
    }
    for (index, host) in service.hosts.iter().enumerate() {
        let before = &service.hosts[..index];
        if let Some(other) = before
            .iter()
            .find(|other| overlaps(&other.value, &host.value))
        {
            let (host_text, other) = (shorten(&host.value), shorten(&other.value));
            let message = format!("the hosts `{other}` and `{host_text}` overlap");
            c.reject(
                host.at,
                message,
                "keep one of them, or split the virtual service",
            );
        }
    }
}

/// Returns true if the routes apply to calls within the mesh.
pub(crate) fn is_for_mesh(gateways: &Texts) -> bool {
    gateways.is_empty() || gateways.iter().any(|gateway| gateway.value == "mesh")
}

pub(super) fn gateways(c: &mut Validator<'_>, gateways: &Texts) {
    for gateway in gateways {
        let text = gateway.value.as_str();
        let is_good = match text.split_once('/') {
            None => bad_domain(text).is_none(),
            Some((namespace, name)) => is_label(namespace) && is_label(name),
        };
        if !is_good {
            let message = format!("`{}` is no gateway", shorten(text));
            c.reject(
                gateway.at,
                message,
                "write `name`, `namespace/name` or `mesh`",
            );
        } else if text.contains('.') && !text.contains('/') {
            let message = format!("`{}` names a gateway in an old form", shorten(text));
            c.warn(
                gateway.at,
                message,
                "it is read as namespace/name",
                "write `namespace/name`",
            );
        }
    }
}

fn tls_route(
    c: &mut Validator<'_>,
    route: &TlsRoute,
    hosts: &[Spanned<String>],
    is_gateways: bool,
) {
    c.no_null(&route.matches, route.at, "match");
    for one in route.matches.0.iter().flatten() {
        for host in &one.sni_hosts {
            if is_address(&host.value) {
                let message = "an SNI host is never an address";
                c.warn(host.at, message, "the match fits nothing", "write a name");
            } else if !(is_gateways && is_internal_sni(&host.value)) {
                c.wildcard(host);
            }
            if !hosts
                .iter()
                .any(|all| is_covered_by(&host.value, &all.value))
                && !is_address(&host.value)
            {
                let message = format!(
                    "the SNI host `{}` is none of the virtual service's hosts",
                    shorten(&host.value)
                );
                c.reject(host.at, message, "write one of `hosts`, or add it there");
            }
        }
        for subnet in &one.destination_subnets {
            c.subnet(subnet);
        }
        c.labels(&one.source_labels);
        gateways(c, &one.gateways);
        source_namespace(c, one.source_namespace.as_ref());
    }
    destinations(c, &route.route, route.at);
}

fn tcp_route(c: &mut Validator<'_>, route: &TcpRoute) {
    c.no_null(&route.matches, route.at, "match");
    for one in route.matches.0.iter().flatten() {
        for subnet in one.destination_subnets.iter().chain(&one.source_subnet) {
            c.subnet(subnet);
        }
        c.labels(&one.source_labels);
        gateways(c, &one.gateways);
        source_namespace(c, one.source_namespace.as_ref());
    }
    destinations(c, &route.route, route.at);
}

pub(super) fn source_namespace(c: &mut Validator<'_>, namespace: Option<&Spanned<String>>) {
    if let Some(namespace) = namespace
        && !namespace.value.is_empty()
        && !is_label(&namespace.value)
    {
        let message = format!("`{}` is no namespace", shorten(&namespace.value));
        c.reject(namespace.at, message, "write a namespace");
    }
}

fn destinations(c: &mut Validator<'_>, routes: &Nullable<RouteDestination>, at: NodeId) {
    c.no_null(routes, at, "route");
    let mut total = 0;
    for route in routes.0.iter().flatten() {
        http_route::leads_to(c, route.destination.as_ref());
        total += http_route::weight(route.weight);
    }
    http_route::total(c, total, routes.0.len(), at);
}
