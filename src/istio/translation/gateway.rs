use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::StatusCode;

use super::authorization::{Server as AuthorizedServer, policies};
use super::index::object_ref::ObjectRef;
use super::index::resource_index::ResourceIndex;
use super::index::virtual_service_index::IndexedService;
use super::limits::{Direction, Scope};
use super::route::http_match::MatchSource;
use super::route::route_configs;
use crate::foundation::matching::HostPattern;
use crate::istio::api::gateway::{Gateway, Server};
use crate::istio::config::{
    GatewayConfig, InboundConfig, OutboundConfig, ServerConfig, VirtualHostConfig, WorkloadId,
};
use crate::istio::model::names;

/// Returns the configuration of a gateway, if it exists.
pub(super) fn gateway(index: &ResourceIndex, name: &str, namespace: &str) -> Option<GatewayConfig> {
    let gateway = index.gateway(name, namespace)?;
    let labels: BTreeMap<_, _> = gateway
        .selector
        .iter()
        .map(|(name, value)| {
            let value = value.as_ref().map_or("", |value| value.value.as_str());
            (name.value.clone(), value.to_owned())
        })
        .collect();
    let workload = WorkloadId {
        name: name.into(),
        namespace: namespace.into(),
        labels,
    };
    let scope = Scope {
        direction: Direction::Gateway,
        labels: &workload.labels,
        namespace,
        patches: &index.patches,
        root_namespace: &index.settings.root_namespace,
    };
    Some(GatewayConfig {
        servers: gateway
            .servers
            .0
            .iter()
            .flatten()
            .filter_map(server)
            .collect(),
        outbound: OutboundConfig {
            hosts: hosts(index, gateway, &workload, scope),
            // A gateway answers unknown hosts with 404.
            unknown_rejected: true,
            limits: Vec::new(),
        },
        inbound: InboundConfig {
            authorization: policies(index, AuthorizedServer::Gateway, &workload),
            limits: scope.limits(),
            #[cfg(feature = "jwt")]
            tokens: super::tokens::tokens(index, namespace, &workload.labels),
            // TLS of a gateway is that of its servers.
            #[cfg(feature = "mtls")]
            mtls: crate::istio::config::PeerAuthenticationConfig::default(),
        },
    })
}

/// Returns the configuration of an HTTP server of a gateway.
fn server(server: &Server) -> Option<ServerConfig> {
    let port = server.port.as_ref()?;
    let protocol = port
        .protocol
        .as_ref()
        .map_or("", |protocol| protocol.value.as_str());
    // Anything else is HTTP to Istio's control plane, HTTPS included.
    if ["tcp", "tls", "mongo", "mysql", "redis", "udp"]
        .iter()
        .any(|p| protocol.eq_ignore_ascii_case(p))
    {
        return None;
    }
    let redirects = server.tls.as_ref().and_then(|tls| tls.https_redirect);
    let redirects = redirects.is_some_and(|flag| flag.value);
    let hosts = server.hosts.iter().map(|host| split(&host.value).1);
    Some(ServerConfig {
        hosts: hosts
            .filter_map(|host| HostPattern::parse(host).ok())
            .collect(),
        https_redirect: redirects.then_some(StatusCode::MOVED_PERMANENTLY),
        port: u16::try_from(port.number?.value).ok()?,
        tls: protocol.eq_ignore_ascii_case("https"),
    })
}

/// Returns the virtual hosts: the hosts that a server and a virtual service have in common. With
/// several virtual services for one host, the routes of the oldest come first.
fn hosts(
    index: &ResourceIndex,
    gateway: &ObjectRef<Gateway>,
    workload: &WorkloadId,
    scope: Scope<'_>,
) -> Vec<Arc<VirtualHostConfig>> {
    let full = format!("{}/{}", gateway.namespace(), gateway.name());
    let source = MatchSource {
        workload,
        gateway: &full,
    };
    let mut by_host: HashMap<String, Vec<&IndexedService>> = HashMap::new();
    for service in index.services.of(&full, gateway.namespace()) {
        let own: Vec<_> = service.hosts.iter().map(String::as_str).collect();
        let open = open_hosts(index, gateway, service.object.namespace());
        // Computed per virtual service, since `./host` and `namespace/host` depend on its
        // namespace.
        let open: Vec<_> = open.iter().map(String::as_str).collect();
        for host in names::intersection(&open, &own) {
            by_host.entry(host.to_owned()).or_default().push(service);
        }
    }
    let mut by_host: Vec<_> = by_host.into_iter().collect();
    // The most specific first, and independent of the order in the `HashMap`.
    by_host.sort_by(|(one, _), (two, _)| names::by_specificity(one, two));
    let configs = by_host.into_iter().filter_map(|(host, services)| {
        let limits = scope.routes(Some(&full), &[&host]);
        let ids: Vec<_> = services.iter().map(|service| service.object.id()).collect();
        let routes = services
            .iter()
            .flat_map(|service| route_configs(index, service, source, &limits));
        Some(Arc::new(VirtualHostConfig {
            id: format!("{} for {host}", ids.join(", ")).into(),
            host: host.as_str().into(),
            names: vec![HostPattern::parse(&host).ok()?],
            origin: services.first().map(|service| service.object.name_origin()),
            routes: routes.collect(),
        }))
    });
    configs.collect()
}

/// Returns the hosts of a gateway that virtual services of a namespace may bind to.
fn open_hosts(index: &ResourceIndex, gateway: &ObjectRef<Gateway>, namespace: &str) -> Vec<String> {
    let servers = gateway.servers.0.iter().flatten();
    let hosts = servers
        .filter(|one| server(one).is_some())
        .flat_map(|server| &server.hosts);
    let hosts = hosts.filter_map(|host| {
        let (of, host) = split(&host.value);
        let is_open = match of {
            "*" => true,
            "." => gateway.namespace() == namespace,
            of => of == namespace,
        };
        is_open.then(|| index.full(host, gateway.namespace()))
    });
    hosts.collect()
}

/// Splits `namespace/host`; without a namespace, the host is open to all (`*`).
fn split(host: &str) -> (&str, &str) {
    host.split_once('/').unwrap_or(("*", host))
}
