use super::balance::{is_passthrough, load_balancer, slow_start};
use super::endpoints::{endpoints, has_ports, is_http2, service_port};
use super::location::location;
use super::merged_traffic_policy::MergedTrafficPolicy;
use super::outlier::outlier;
use super::pool::{in_flight, pool, retries};
use super::tls;
#[cfg(feature = "mtls")]
use crate::istio::config::Location;
use crate::istio::config::{ClusterConfig, ClusterDiscovery, ClusterOrigins, WorkloadId};
use crate::istio::model::names;
use crate::istio::translation::envoy;
use crate::istio::translation::index::destination_rule_index::MergedRule;
use crate::istio::translation::index::resource_index::ResourceIndex;
use crate::istio::translation::index::service_entry_index::HostEntries;
use crate::policies::traffic_split::Destination;

/// Returns the cluster of a destination.
pub(in crate::istio::translation) fn destination(
    index: &ResourceIndex,
    workload: &WorkloadId,
    destination: &Destination,
    request_port: Option<u16>,
) -> ClusterConfig {
    let host = destination.host();
    let domain = &*index.settings.cluster_domain;
    let known = index.entries.find(host, &workload.namespace);
    let namespace = known.as_ref().map(|known| known.namespace);
    // A service entry's namespace comes first: its host need not have the form of a service name.
    let namespace = namespace.or_else(|| names::namespace(host, domain));
    let root = &*index.settings.root_namespace;
    let rule = index.rules.find(workload, host, namespace, root);
    let port = service_port(known.as_ref(), destination.port(), request_port);
    let subset = destination
        .subset()
        .map(|name| rule.and_then(|rule| rule.subset(name)));
    let of_subset = subset
        .flatten()
        .and_then(|(_, subset)| subset.traffic_policy.as_deref());
    let policy = rule.and_then(|rule| rule.policy());
    let of_rule = policy.map(|(_, policy)| policy);
    let policy_port = port.or(request_port);
    let traffic_policy = MergedTrafficPolicy::of(of_rule, of_subset, policy_port);
    let origins = ClusterOrigins {
        endpoints: known.as_ref().and_then(HostEntries::origin),
        rule: rule.and_then(MergedRule::origin),
        ..traffic_policy.origins(policy, subset.flatten(), policy_port)
    };
    let endpoints = match subset {
        // A subset that the rule does not define: no cluster in Envoy, 503.
        Some(None) => ClusterDiscovery::Unknown,
        _ if is_passthrough(traffic_policy.balancer) => ClusterDiscovery::ByName,
        // Several ports, and neither the route nor the request says which.
        _ if port.is_none() && known.as_ref().is_some_and(has_ports) => ClusterDiscovery::Unknown,
        _ => match endpoints(
            host,
            known.as_ref(),
            port,
            subset.flatten().map(|(_, subset)| subset),
        ) {
            // A port that only the caller uses is unknown to the service registry: the request
            // passes.
            ClusterDiscovery::Unknown if destination.port().is_none() => ClusterDiscovery::ByName,
            endpoints => endpoints,
        },
    };
    let location = location(index, host, known.as_ref());
    #[cfg(not(feature = "mtls"))]
    let tls = traffic_policy.tls.and_then(tls::written);
    #[cfg(feature = "mtls")]
    let mut endpoints = endpoints;
    #[cfg(feature = "mtls")]
    let tls = {
        let server = tls::Server {
            host,
            known: known.as_ref(),
            port: policy_port,
            subset: destination.subset(),
        };
        match traffic_policy.tls {
            Some(written) => tls::written(written, server),
            None if location == Location::External => None,
            None => tls::automatic(index, server, &mut endpoints),
        }
    };
    let config = ClusterConfig {
        load_balancer: load_balancer(traffic_policy.balancer, traffic_policy.outlier),
        endpoints,
        limit: in_flight(traffic_policy.pool),
        location,
        origins,
        outlier: outlier(traffic_policy.outlier),
        pool: pool(traffic_policy.pool, is_http2(known.as_ref(), port)),
        retries: retries(traffic_policy.pool, traffic_policy.budget),
        tls,
    };
    if index.settings.envoy_behaviour {
        envoy::destination(
            config,
            traffic_policy.balancer.and_then(slow_start).is_some(),
        )
    } else {
        config
    }
}

/// Returns the cluster of a host without a virtual host, if a service entry or a rule covers it.
pub(in crate::istio::translation) fn unnamed(
    index: &ResourceIndex,
    workload: &WorkloadId,
    host: &str,
    port: u16,
) -> Option<ClusterConfig> {
    let host = index.full(host, &workload.namespace);
    let known = index.entries.find(&host, &workload.namespace);
    let namespace = known.as_ref().map(|known| known.namespace);
    let namespace = namespace.or_else(|| names::namespace(&host, &index.settings.cluster_domain));
    let root = &*index.settings.root_namespace;
    let rule = index.rules.find(workload, &host, namespace, root);
    // A destination rule alone does not register a host.
    let is_known = known.is_some() || rule.is_some() && !index.settings.registry_only;
    is_known.then(|| destination(index, workload, &Destination::new(host), Some(port)))
}
