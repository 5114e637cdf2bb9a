use super::balance::{balance, is_passthrough, slow_start};
use super::blocks::Blocks;
use super::endpoints::{endpoints, has_ports, is_http2, service_port};
use super::envoy;
use super::outlier::outlier;
use super::pool::{in_flight, pool, retries};
use super::world::World;
use crate::istio::kinds::destination_rule::{ClientTls, TlsMode};
use crate::istio::names;
use crate::istio::plan::{DestinationPlan, EndpointsPlan, Subject, TlsPlan};
use crate::traffic_split::Destination;

/// Returns what stands between a workload and a destination.
pub(super) fn destination(
    world: &World,
    subject: &Subject,
    destination: &Destination,
    request_port: Option<u16>,
) -> DestinationPlan {
    let host = destination.host();
    let domain = &*world.settings.cluster_domain;
    let known = world.entries.find(host, &subject.namespace);
    let namespace = known.as_ref().map(|known| known.namespace);
    let namespace = namespace.or_else(|| names::namespace(host, domain));
    let root = &*world.settings.root_namespace;
    let rule = world.rules.find(subject, host, namespace, root);
    let port = service_port(known.as_ref(), destination.port(), request_port);
    let subset = destination
        .subset()
        .map(|name| rule.and_then(|rule| rule.subset(name)));
    let of_subset = subset
        .flatten()
        .and_then(|subset| subset.traffic_policy.as_ref());
    let policy = rule.and_then(|rule| rule.policy());
    let blocks = Blocks::of(policy, of_subset, port.or(request_port));
    let endpoints = match subset {
        Some(None) => EndpointsPlan::Unknown,
        _ if is_passthrough(blocks.balancer) => EndpointsPlan::ByName,
        // Several ports, and neither the route nor the request says which.
        _ if port.is_none() && known.as_ref().is_some_and(has_ports) => EndpointsPlan::Unknown,
        _ => match endpoints(host, known.as_ref(), port, subset.flatten()) {
            // A port that only the caller names is none of the service's: it is not the mesh's to refuse.
            EndpointsPlan::Unknown if destination.port().is_none() => EndpointsPlan::ByName,
            endpoints => endpoints,
        },
    };
    let plan = DestinationPlan {
        balance: balance(blocks.balancer, blocks.outlier),
        endpoints,
        limit: in_flight(blocks.pool),
        outlier: outlier(blocks.outlier),
        pool: pool(blocks.pool, is_http2(known.as_ref(), port)),
        retries: retries(blocks.pool, blocks.budget),
        tls: blocks.tls.and_then(tls),
    };
    if world.settings.envoy_behaviour {
        envoy::destination(plan, blocks.balancer.and_then(slow_start).is_some())
    } else {
        plan
    }
}

/// Returns what a rule or a service entry with a `*` says of a host, or any rule of one that is no service.
pub(super) fn unnamed(
    world: &World,
    subject: &Subject,
    host: &str,
    port: u16,
) -> Option<DestinationPlan> {
    let host = world.full(host, &subject.namespace);
    let known = world.entries.find(&host, &subject.namespace);
    let namespace = known.as_ref().map(|known| known.namespace);
    let namespace = namespace.or_else(|| names::namespace(&host, &world.settings.cluster_domain));
    let root = &*world.settings.root_namespace;
    let rule = world.rules.find(subject, &host, namespace, root);
    // A rule alone registers nothing.
    let is_known = known.is_some() || rule.is_some() && !world.settings.registry_only;
    is_known.then(|| destination(world, subject, &Destination::new(host), Some(port)))
}

/// TLS that is started here; with a certificate of the workload's own it cannot be.
fn tls(written: &ClientTls) -> Option<TlsPlan> {
    let sni = written.sni.as_ref().filter(|sni| !sni.value.is_empty());
    let is_simple = written
        .mode
        .is_some_and(|mode| mode.value == TlsMode::Simple);
    is_simple.then(|| TlsPlan {
        sni: sni.map(|sni| sni.value.as_str().into()),
    })
}
