//! What the documents mean for one workload: values only, from which its stacks are assembled.
//!
//! ```text
//! documents ──meaning──▶ plan ──assembly (mesh)──▶ layers
//! ```
//!
//! A plan knows nothing of tower, and the assembly nothing of YAML. Whatever keeps state at run time has an
//! `id` here: the same id after a change of the documents is the same thing with another policy, and its
//! state goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::foundation::endpoints::Endpoint;
use crate::foundation::matching::HostPattern;
use crate::foundation::sync::Percent;
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::fault_injection::FaultInjectionPolicy;
use crate::policies::load_balance::LoadBalancePolicy;
use crate::policies::mirror::MirrorPolicy;
use crate::policies::outlier_detection::OutlierDetectionPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::retry::RetryPolicy;
use crate::policies::timeout::TimeoutPolicy;
use crate::policies::traffic_split::{Destination, Route};

/// The workload that a plan is for: one of the services, as it would have a sidecar.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct WorkloadId {
    pub(crate) name: Arc<str>,
    pub(crate) namespace: Arc<str>,
    /// Its pod's labels: what selectors and `sourceLabels` look at.
    pub(crate) labels: BTreeMap<String, String>,
}

/// What becomes of the requests that a workload sends, or that come in at a gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutboundConfig {
    pub(crate) hosts: Vec<Arc<VirtualHostConfig>>,
    /// Whether a host that no plan is for is refused (`REGISTRY_ONLY`); else it passes untouched.
    pub(crate) unknown_rejected: bool,
    /// Limits that hold for each destination host of the workload, whatever the route.
    pub(crate) limits: Vec<LocalRateLimitConfig>,
}

/// The routes of one virtual host.
#[derive(Clone, Debug)]
pub(crate) struct VirtualHostConfig {
    /// `VirtualService waste/waste-service`, or the host's full name where no document says anything.
    pub(crate) id: Arc<str>,
    /// All names by which callers may ask for it: short, with the namespace, in full, with and without port.
    pub(crate) names: Vec<HostPattern>,
    /// In the order in which they are tried.
    pub(crate) routes: Vec<RouteConfig>,
}

/// One route: what is meant, where it goes, and what stands around it.
#[derive(Clone, Debug)]
pub(crate) struct RouteConfig {
    /// Matches, weighted destinations, header operations, rewrite; or an answer or a redirect. Hosts of its
    /// destinations are full names.
    pub(crate) route: Route,
    pub(crate) fault: FaultInjectionPolicy,
    pub(crate) limits: Vec<LocalRateLimitConfig>,
    /// Whether its limits stand in place of those that hold whatever the route.
    pub(crate) limits_replace: bool,
    pub(crate) mirrors: Vec<(Destination, MirrorPolicy)>,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: TimeoutPolicy,
}

/// What stands between a route and the endpoints of one destination: host, port and subset.
#[derive(Clone, Debug)]
pub(crate) struct ClusterConfig {
    pub(crate) load_balancer: LoadBalancePolicy,
    pub(crate) endpoints: ClusterDiscovery,
    /// `http2MaxRequests`: requests in flight, none pending.
    pub(crate) limit: ConcurrencyLimitPolicy,
    pub(crate) outlier: OutlierDetectionPolicy,
    pub(crate) pool: ConnectionPoolConfig,
    /// The retries that it may have in flight: `maxRetries`, or a budget.
    pub(crate) retries: RetriesConfig,
    /// Whether it is reached by TLS though callers write `http://`, and under which name.
    pub(crate) tls: Option<TlsConfig>,
}

/// Where a destination listens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ClusterDiscovery {
    /// At the address that the request names.
    ByName,
    /// At the addresses of these names, as DNS says.
    Dns(Vec<DnsConfig>),
    /// At these addresses; nowhere, if there is none (503, flag `UH`).
    Fixed(Vec<EndpointConfig>),
    /// No document says what it is: a subset that no rule has, a port that its service does not have
    /// (503, flag `NC`).
    Unknown,
}

/// An endpoint's address, labels and weight.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EndpointConfig {
    /// `host:port`.
    pub(crate) address: Box<str>,
    pub(crate) labels: BTreeMap<Box<str>, Box<str>>,
    pub(crate) weight: u32,
}

/// A name whose addresses are endpoints.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DnsConfig {
    pub(crate) name: Box<str>,
    pub(crate) port: u16,
    pub(crate) labels: BTreeMap<Box<str>, Box<str>>,
    pub(crate) weight: u32,
    /// One endpoint that is resolved for each connection (`DNS_ROUND_ROBIN`), or one for each address.
    pub(crate) is_one: bool,
}

/// The limits of connections; `None` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ConnectionPoolConfig {
    pub(crate) connect_timeout: Option<Duration>,
    /// Whether HTTP/2 is spoken without asking.
    pub(crate) http2: bool,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) max_connections: Option<u32>,
    pub(crate) max_connection_duration: Option<Duration>,
    pub(crate) max_pending: Option<u32>,
    pub(crate) max_requests_per_connection: Option<u32>,
}

/// The retries in flight to a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RetriesConfig {
    pub(crate) max_parallel: Option<u32>,
    /// The share of the requests in flight, and what is always allowed.
    pub(crate) budget: Option<(Percent, u32)>,
}

/// TLS that is started here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TlsConfig {
    pub(crate) sni: Option<Box<str>>,
}

/// One local rate limit.
#[derive(Clone, Debug)]
pub(crate) struct LocalRateLimitConfig {
    /// The filter and what of it: two limits never share one.
    pub(crate) id: Arc<str>,
    pub(crate) policy: RateLimitPolicy,
    /// The port that it is for: of the server if requests come in, else of their destination. All, if `None`.
    pub(crate) port: Option<u16>,
}

/// What becomes of the requests that a workload gets.
#[derive(Clone, Debug, Default)]
pub(crate) struct InboundConfig {
    pub(crate) limits: Vec<LocalRateLimitConfig>,
}

/// What becomes of the requests that come in at a gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct GatewayConfig {
    /// Its listeners: port, and the hosts that are served there.
    pub(crate) servers: Vec<ServerConfig>,
    /// The routes of all virtual services that are bound to it.
    pub(crate) outbound: OutboundConfig,
    /// Limits of all that comes in.
    pub(crate) inbound: InboundConfig,
}

/// One server of a gateway.
#[derive(Clone, Debug)]
pub(crate) struct ServerConfig {
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) https_redirect: Option<StatusCode>,
    pub(crate) port: u16,
    /// Whether its connections are encrypted.
    pub(crate) tls: bool,
}

impl EndpointConfig {
    /// Makes the endpoint, or `None` if the address is none.
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
