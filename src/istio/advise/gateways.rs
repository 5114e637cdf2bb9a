use super::Advice;
use super::world::World;
use crate::istio::check::overlaps;
use crate::istio::code::Code;
use crate::istio::finding::Finding;
use crate::istio::kinds::virtual_service::VirtualService;
use crate::istio::read::shorten;

/// The gateways that a virtual service is for, and their hosts.
pub(super) fn gateways(
    index: usize,
    service: &VirtualService,
    world: &World<'_>,
    advice: &mut Advice,
) {
    let own = world.namespace(index);
    for gateway in service
        .gateways
        .iter()
        .filter(|gateway| gateway.value != "mesh")
    {
        let (namespace, name) = split(&gateway.value, own);
        let Some(found) = world.gateway(namespace, name) else {
            let what = format!(
                "there is no gateway {}/{} here",
                shorten(namespace),
                shorten(name)
            );
            advice.push(
                index,
                Finding::warning(Code::ReferenceNotFound, gateway.at)
                    .what(what)
                    .here("the routes are bound to nothing")
                    .istio("no ingress takes requests for them, unless the cluster has the gateway")
                    .mend("add the Gateway's document, or name the right one"),
            );
            continue;
        };
        let hosts: Vec<_> = found
            .servers
            .0
            .iter()
            .flatten()
            .flat_map(|s| &s.hosts)
            .collect();
        for host in &service.hosts {
            let is_there = hosts.iter().any(|open| {
                let (of, open) = open.value.split_once('/').unwrap_or(("*", &open.value));
                let is_visible = of == "*" || of == own || of == "." && own == namespace;
                is_visible && overlaps(open, &host.value)
            });
            if !is_there {
                let what = format!(
                    "the gateway {namespace}/{name} has no host for `{}`",
                    shorten(&host.value)
                );
                advice.push(
                    index,
                    Finding::warning(Code::HostNotInGateway, host.at)
                        .what(what)
                        .here("no request for it comes through that gateway")
                        .istio("the same")
                        .mend("add the host to a server of the gateway"),
                );
            }
        }
    }
}

/// Parts of a virtual service that are kept in others.
pub(super) fn delegates(
    index: usize,
    service: &VirtualService,
    world: &World<'_>,
    advice: &mut Advice,
) {
    let own = world.namespace(index);
    for route in service.http.0.iter().flatten() {
        let Some(delegate) = &route.delegate else {
            continue;
        };
        let name = delegate
            .name
            .as_ref()
            .map_or("", |name| name.value.as_str());
        let namespace = delegate
            .namespace
            .as_ref()
            .map_or(own, |n| n.value.as_str());
        if world.virtual_service(namespace, name).is_none() {
            let what = format!(
                "there is no virtual service {}/{} here",
                shorten(namespace),
                shorten(name)
            );
            advice.push(
                index,
                Finding::warning(Code::ReferenceNotFound, delegate.at)
                    .at_key()
                    .what(what)
                    .here("the route is left out")
                    .istio("Istio drops the route")
                    .mend("add the delegate's document, or name the right one"),
            );
        }
    }
    if service.hosts.is_empty() && service.gateways.is_empty() && !is_delegated_to(index, world) {
        orphan(index, service, advice);
    }
}

fn is_delegated_to(index: usize, world: &World<'_>) -> bool {
    let object = &world.units[index].object;
    world.services.iter().any(|(from, service)| {
        let own = world.namespace(*from);
        service
            .http
            .0
            .iter()
            .flatten()
            .filter_map(|r| r.delegate.as_ref())
            .any(|delegate| {
                let namespace = delegate
                    .namespace
                    .as_ref()
                    .map_or(own, |n| n.value.as_str());
                delegate
                    .name
                    .as_ref()
                    .is_some_and(|name| name.value == object.name)
                    && namespace == object.namespace
            })
    })
}

/// A virtual service without hosts, which its author most likely forgot.
fn orphan(index: usize, service: &VirtualService, advice: &mut Advice) {
    let mut hosts: Vec<&str> = service
        .http
        .0
        .iter()
        .flatten()
        .flat_map(|route| route.route.0.iter().flatten())
        .filter_map(|route| route.destination.as_ref()?.host.as_ref())
        .map(|host| shorten(&host.value))
        .collect();
    hosts.dedup();
    hosts.truncate(3);
    let hosts = if hosts.is_empty() {
        vec!["<host>"]
    } else {
        hosts
    };
    advice.push(
        index,
        Finding::warning(Code::Ineffective, service.at)
            .at_key()
            .missing("hosts")
            .what("the virtual service has no `hosts`, so it routes nothing")
            .here("it has no effect")
            .istio("it is taken for a delegate, and no virtual service delegates to it")
            .mend(format!(
                "write below `spec:`\nhosts: [{}]",
                hosts.join(", ")
            )),
    );
}

fn split<'a>(gateway: &'a str, own: &'a str) -> (&'a str, &'a str) {
    match gateway.split_once('/') {
        Some((".", name)) => (own, name),
        Some(parts) => parts,
        // The old form: name.namespace.svc.cluster.local
        None => match gateway.split_once('.') {
            Some((name, rest)) => (rest.split('.').next().unwrap_or(rest), name),
            None => (own, gateway),
        },
    }
}
