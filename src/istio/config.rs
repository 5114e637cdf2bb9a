//! Resolved configuration of one workload: plain values from which the mesh builds its service
//! stacks.
//!
//! ```text
//! documents ──translation──▶ config ──assembly (mesh)──▶ layers
//! ```
//!
//! A configuration is independent of tower, and the assembly of YAML. Everything with runtime state
//! has an `id`: the same id after an update means the same object with a new policy, and its state
//! is kept.

mod tls;
#[cfg(feature = "jwt")]
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::foundation::endpoints::Endpoint;
use crate::foundation::matching::HostPattern;
use crate::foundation::outcome::Origin;
use crate::foundation::sync::Percent;
use crate::policies::authorization::AuthorizationPolicy;
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::cors::CorsPolicy;
use crate::policies::fault_injection::FaultInjectionPolicy;
use crate::policies::load_balance::LoadBalancePolicy;
use crate::policies::mirror::MirrorPolicy;
use crate::policies::outlier_detection::OutlierDetectionPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::retry::RetryPolicy;
use crate::policies::timeout::TimeoutPolicy;
use crate::policies::traffic_split::{Destination, Route};
#[cfg(feature = "jwt")]
pub(crate) use tokens::{KeysConfig, TokenRuleConfig};

#[cfg(feature = "mtls")]
pub(crate) use tls::{PeerAuthenticationConfig, TlsVerification};
pub(crate) use tls::{TlsConfig, TlsMode};

/// The workload of a configuration: identity and labels, as of a pod with a sidecar.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct WorkloadId {
    pub(crate) name: Arc<str>,
    pub(crate) namespace: Arc<str>,
    /// The pod's labels, which selectors and `sourceLabels` match.
    pub(crate) labels: BTreeMap<String, String>,
}

/// Part of a workload's identity that its outbound configuration depends on: workloads with equal scopes have equal
/// configurations.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ConfigScope {
    /// Those of its labels by which some document selects.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) namespace: Arc<str>,
}

/// Configuration for outbound requests of a workload, or for requests to a gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutboundConfig {
    pub(crate) hosts: Vec<Arc<VirtualHostConfig>>,
    /// True if requests to unknown hosts are rejected (`REGISTRY_ONLY`); otherwise they pass
    /// unchanged.
    pub(crate) unknown_rejected: bool,
    /// Limits for each destination host of the workload, on all routes.
    pub(crate) limits: Vec<LocalRateLimitConfig>,
}

impl OutboundConfig {
    /// Returns the place of the virtual host that a name belongs to: by the most specific one, as in the lookup of
    /// requests.
    pub(crate) fn place_of(&self, host: &str) -> Option<usize> {
        let places = self.hosts.iter().enumerate();
        let names = places.flat_map(|(place, one)| one.names.iter().map(move |name| (name, place)));
        let fitting = names.filter(|(name, _)| name.matches(host));
        let best = fitting.max_by(|(one, _), (two, _)| one.specificity(two));
        best.map(|(_, place)| place)
    }
}

/// Names and routes of one virtual host.
#[derive(Clone, Debug)]
pub(crate) struct VirtualHostConfig {
    /// `VirtualService namespace/name`, or the full host name without a virtual service.
    pub(crate) id: Arc<str>,
    /// Full name of the host; the first one, where several have the same routes.
    pub(crate) host: Arc<str>,
    /// Place of the virtual service, or of the service entry.
    pub(crate) origin: Option<Origin>,
    /// All names that callers may use: short, with the namespace, in full, with and without port.
    pub(crate) names: Vec<HostPattern>,
    /// Routes in the order of matching.
    pub(crate) routes: Vec<RouteConfig>,
}

/// One route: match, action, and the policies around it.
#[derive(Clone, Debug)]
pub(crate) struct RouteConfig {
    pub(crate) cors: Option<CorsPolicy>,
    /// Matches, weighted destinations, header operations and rewrites; or a direct response or a
    /// redirect. Hosts of its destinations are full names.
    pub(crate) route: Route,
    pub(crate) fault: FaultInjectionPolicy,
    pub(crate) limits: Vec<LocalRateLimitConfig>,
    /// True if the limits of this route replace those of all routes.
    pub(crate) limits_replace: bool,
    pub(crate) mirrors: Vec<(Destination, MirrorPolicy)>,
    pub(crate) origins: RouteOrigins,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: TimeoutPolicy,
}

/// Places in the documents that ordered a route and its policies; `None` where a default applies.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteOrigins {
    pub(crate) cors: Option<Origin>,
    pub(crate) fault: Option<Origin>,
    pub(crate) headers: Option<Origin>,
    pub(crate) mirror: Option<Origin>,
    pub(crate) retry: Option<Origin>,
    pub(crate) rewrite: Option<Origin>,
    pub(crate) route: Option<Origin>,
    pub(crate) timeout: Option<Origin>,
}

/// Cluster of one destination (host, port and subset): its endpoints and traffic policy.
#[derive(Clone, Debug)]
pub(crate) struct ClusterConfig {
    pub(crate) load_balancer: LoadBalancePolicy,
    pub(crate) endpoints: ClusterDiscovery,
    /// `http2MaxRequests`: maximum requests in flight; further ones are rejected, not queued.
    pub(crate) limit: ConcurrencyLimitPolicy,
    pub(crate) location: Location,
    pub(crate) origins: ClusterOrigins,
    pub(crate) outlier: OutlierDetectionPolicy,
    pub(crate) pool: ConnectionPoolConfig,
    /// Maximum retries in flight: `maxRetries`, or a budget.
    pub(crate) retries: RetriesConfig,
    /// TLS origination for `http://` requests, with the server name.
    pub(crate) tls: Option<TlsConfig>,
}

/// Place of a cluster, which decides about the headers that only the services of the mesh are to see.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Location {
    /// Outside the mesh, or nowhere in the documents.
    External,
    /// Inside the mesh: a service of the cluster, or of a `ServiceEntry` with `location: MESH_INTERNAL`.
    Internal,
}

/// Places in the documents that ordered the policies of a cluster; `None` where a default applies.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterOrigins {
    pub(crate) budget: Option<Origin>,
    /// The service entry of the endpoints.
    pub(crate) endpoints: Option<Origin>,
    pub(crate) load_balancer: Option<Origin>,
    pub(crate) outlier: Option<Origin>,
    /// The connection pool and the limit of requests in flight.
    pub(crate) pool: Option<Origin>,
    /// The destination rule.
    pub(crate) rule: Option<Origin>,
    pub(crate) subset: Option<Origin>,
    pub(crate) tls: Option<Origin>,
}

/// Discovery type of a cluster's endpoints.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ClusterDiscovery {
    /// The address of the request.
    ByName,
    /// The addresses of DNS names.
    Dns(Vec<DnsConfig>),
    /// Fixed addresses; requests are rejected if there are none (503, flag `UH`).
    Fixed(Vec<EndpointConfig>),
    /// Unknown cluster: a subset that no rule defines, or a port that its service does not have
    /// (503, flag `NC`).
    Unknown,
}

/// Address, labels and weight of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EndpointConfig {
    /// `host:port`.
    pub(crate) address: Box<str>,
    pub(crate) labels: BTreeMap<Box<str>, Box<str>>,
    pub(crate) weight: u32,
}

/// A DNS name whose addresses are endpoints.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DnsConfig {
    pub(crate) name: Box<str>,
    pub(crate) port: u16,
    pub(crate) labels: BTreeMap<Box<str>, Box<str>>,
    pub(crate) weight: u32,
    /// True for one endpoint that is resolved for each connection (`DNS_ROUND_ROBIN`); otherwise
    /// each address is an endpoint.
    pub(crate) is_one: bool,
}

/// Limits of connections; `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ConnectionPoolConfig {
    pub(crate) connect_timeout: Option<Duration>,
    /// True if HTTP/2 is used with prior knowledge.
    pub(crate) http2: bool,
    /// Interval and timeout of PINGs on HTTP/2 connections.
    pub(crate) http2_keep_alive: Option<(Duration, Duration)>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) max_connections: Option<u32>,
    pub(crate) max_connection_duration: Option<Duration>,
    pub(crate) max_pending: Option<u32>,
    pub(crate) max_requests_per_connection: Option<u32>,
}

/// Limits of the retries in flight to a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RetriesConfig {
    pub(crate) max_parallel: Option<u32>,
    /// Maximum share of the requests in flight, and the number that is always allowed.
    pub(crate) budget: Option<(Percent, u32)>,
    /// Time for which a request counts for the budget; 0 if only while it runs.
    pub(crate) budget_interval: Duration,
}

/// One local rate limit.
#[derive(Clone, Debug)]
pub(crate) struct LocalRateLimitConfig {
    /// Filter and descriptor; unique per limit.
    pub(crate) id: Arc<str>,
    /// Place of its token bucket.
    pub(crate) origin: Option<Origin>,
    pub(crate) policy: RateLimitPolicy,
    /// Port of the limit: of the server for inbound requests, otherwise of the destination; `None`
    /// for all ports.
    pub(crate) port: Option<u16>,
    /// Name of the route that it is for; `None` if it is for several.
    pub(crate) route: Option<Arc<str>>,
}

/// Configuration for inbound requests of a workload.
#[derive(Clone, Debug, Default)]
pub(crate) struct InboundConfig {
    /// Authorization policies, those of the root namespace first.
    pub(crate) authorization: Vec<AuthorizationPolicy>,
    pub(crate) limits: Vec<LocalRateLimitConfig>,
    /// Modes of its ports, of `PeerAuthentication`.
    #[cfg(feature = "mtls")]
    pub(crate) mtls: PeerAuthenticationConfig,
    /// Rules about tokens, in the order of their issuers.
    #[cfg(feature = "jwt")]
    pub(crate) tokens: Vec<TokenRuleConfig>,
}

/// Configuration for requests to a gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct GatewayConfig {
    /// The gateway's servers: port, and the hosts served there.
    pub(crate) servers: Vec<ServerConfig>,
    /// Routes of all virtual services bound to the gateway.
    pub(crate) outbound: OutboundConfig,
    /// Limits for all requests to the gateway.
    pub(crate) inbound: InboundConfig,
}

/// One server of a gateway.
#[derive(Clone, Debug)]
pub(crate) struct ServerConfig {
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) https_redirect: Option<StatusCode>,
    pub(crate) port: u16,
    /// True if connections to it are encrypted.
    pub(crate) tls: bool,
}

impl EndpointConfig {
    /// Creates the endpoint; `None` if the address is invalid.
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        let endpoint = Endpoint::try_from(&*self.address).ok()?;
        let labelled = self
            .labels
            .iter()
            .fold(endpoint, |endpoint, (name, value)| {
                endpoint.with_label(name.clone(), value.clone())
            });
        Some(labelled.with_weight(self.weight))
    }
}
