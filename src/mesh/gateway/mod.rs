pub(crate) mod edge;
pub(crate) mod hop_by_hop;
pub(crate) mod ingress;
pub(crate) mod upgrade;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tower_layer::Layer;

use super::{Error, TrustedProxies};
use crate::istio::config::WorkloadId;
use crate::mesh::cluster::connect::connector::Connector;
use crate::mesh::proxy::role::Role;
use crate::mesh::proxy::state::Proxy;
use crate::mesh::router::listener_port::ListenerPort;
use crate::mesh::router::route::inbound_limits::InboundLimits;
use crate::mesh::router::router_state::RouterState;
use crate::mesh::router::service::Router;
use crate::mesh::state::mesh_state::MeshState;
use crate::policies::telemetry::{TraceClientLayer, TraceServerLayer, TracedGate};
use edge::{Edge, EdgeGate, Listener};
use ingress::Ingress;

/// An ingress: what comes in at a `Gateway` goes where the virtual services say that are bound to it.
///
/// A host that no server of the gateway is for, and one that no route is for, get 404. TLS is the
/// listener's affair. See the [module docs](crate::mesh) for an example.
///
/// # At the edge
///
/// Whoever sends a request may be a stranger, so it is sanitized before the trace, the limits and the
/// routes see it, as Envoy does at Istio's gateways (`use_remote_address: true`):
///
/// - **The caller's address.** The peer is appended to `X-Forwarded-For` and written to
///   `x-envoy-external-address`; with [trusted proxies](Self::with_trusted_proxies) the address is the one
///   that they tell. It is found as [`PeerAddress`](crate::PeerAddress) is: serve with axum's
///   `into_make_service_with_connect_info::<SocketAddr>`. Where the peer is not known, the header is taken
///   off.
/// - **The scheme.** `X-Forwarded-Proto` says how the caller spoke to this listener, unless the peer is
///   trusted; `httpsRedirect` and `match.scheme` follow it. How the upstream is spoken to, a
///   `DestinationRule` alone decides.
/// - **The host.** The authority of the target wins over `Host`, which is written accordingly; several
///   `Host` fields, none, and what is no host's name get 400. Its port is not asked for: `match.port` looks
///   at [the gateway's](Self::with_port), and a destination without a port goes to the only one that its
///   service has, or gets 503 (flag `NC`).
/// - **What is taken off**: fields that start with `x-envoy-`, `x-forwarded-client-cert`, `x-request-id`
///   (the trace makes one of its own), fields of a single hop and those that `Connection` names (RFC 9110,
///   7.6.1), `Expect: 100-continue`, of `TE` all but `trailers`.
/// - **The path** is brought into its normal form (Istio's `BASE`): no dot segments, no escaped letters and
///   digits, `/` for a backslash. Bytes beyond ASCII and `%00` get 400.
/// - **Lengths**: `Content-Length` beside `Transfer-Encoding`, or several of them, get 400. So does
///   `Connection` with a field that every hop needs. `CONNECT` and `OPTIONS *` get 404. A request that is
///   refused so carries [`Rejection::BadRequest`](crate::Rejection::BadRequest).
/// - **Several `cookie` fields** of HTTP/2 become one.
///
/// # Limits that the server sets
///
/// The number and size of header fields are the server's to limit, before a gateway sees a request. hyper's
/// limits, unless its builder says otherwise: over HTTP/1.1 100 fields (431), and about 400 kB for the whole head
/// (`max_headers`, `max_buf_size`; a target of 65,534 bytes, 414); over HTTP/2 16 kB of fields
/// (`max_header_list_size`, 431). Envoy's are 100 fields and 60 kB in both.
///
/// # Upgrades
///
/// A caller that asks for WebSocket gets it if the upstream agrees, where hyper serves the connection with
/// upgrades (`axum::serve` does) and the transport is hyper's (reqwest and the [pool](crate::pool) are):
/// the bytes are carried by a task that belongs to the mesh, and ends with either connection. Other
/// protocols are refused with 403.
#[derive(Clone, Debug)]
pub struct Gateway {
    port: Option<u16>,
    proxy: Arc<Proxy>,
    tls: Option<bool>,
    trusted: TrustedProxies,
}

/// A [`Gateway`] in service, ending in `S`; `B` is the body of its requests.
///
/// It answers for itself whatever goes wrong, so it fits where axum wants no errors, such as
/// `Router::fallback_service`.
pub type GatewayService<S, B> = Edge<TracedGate<Ingress<S, B>, EdgeGate>>;

impl Gateway {
    pub(in crate::mesh) fn new(
        state: &MeshState,
        name: &str,
        namespace: &str,
    ) -> Result<Self, Error> {
        let workload = WorkloadId {
            name: name.into(),
            namespace: namespace.into(),
            labels: std::collections::BTreeMap::new(),
        };
        if state.snapshot().source.gateway(name, namespace).is_none() {
            return Err(Error::NoGateway {
                name: name.into(),
                namespace: namespace.into(),
            });
        }
        Ok(Self {
            port: None,
            proxy: state.proxy(Role::Gateway, workload),
            tls: None,
            trusted: TrustedProxies::none(),
        })
    }

    /// Sets the port that this is among the gateway's, so that only the servers of that port count. By
    /// default all do, and `match.port` may be any of theirs.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets whether callers speak TLS to the listener, which is what `X-Forwarded-Proto` says. By default
    /// they do if all servers of the [port](Self::with_port) have `protocol: HTTPS`.
    #[must_use]
    pub const fn with_tls(mut self, tls: bool) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets the proxies in front of this gateway whose word counts: Istio's
    /// `gatewayTopology.numTrustedProxies`, or their networks. By default none are there.
    #[must_use]
    pub fn with_trusted_proxies(mut self, trusted: TrustedProxies) -> Self {
        self.trusted = trusted;
        self
    }

    /// Sends on through a transport of any kind, of which each destination uses a clone.
    #[must_use]
    pub fn outbound<S, B>(&self, transport: S) -> GatewayService<S, B>
    where
        S: Clone + Send + Sync + 'static,
        B: 'static,
    {
        self.over(Connector::shared(transport))
    }

    pub(in crate::mesh) fn over<S, B>(&self, connector: Connector<S>) -> GatewayService<S, B>
    where
        S: Clone + Send + Sync + 'static,
        B: 'static,
    {
        let (port, proxy) = (self.port, &self.proxy);
        let trace = &proxy.options.trace;
        let listener_port = Some(ListenerPort(port));
        let routes = RouterState::new(Arc::clone(proxy), connector, listener_port);
        let inner = TraceClientLayer::without_injection(trace.clone()).layer(Router::new(routes));
        let ingress = Ingress::new(inner, port, Arc::clone(proxy));
        let gate = EdgeGate::new(InboundLimits::new(port, Arc::clone(proxy)));
        let listener = Listener {
            port,
            proxy: Arc::clone(proxy),
            tls: self.tls,
            trusted: self.trusted.clone(),
            warned: AtomicBool::new(false),
        };
        let traced = TraceServerLayer::new(trace.clone()).gated(ingress, gate);
        Edge::new(traced, listener)
    }
}

#[cfg(feature = "reqwest")]
impl Gateway {
    /// Sends on with reqwest.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn service<B: 'static>(
        &self,
    ) -> Result<GatewayService<super::services::EndpointTransport, B>, Error> {
        self.service_with(reqwest::Client::builder)
    }

    /// Sends on with clients that `make` begins; see [`Workload::client_with`](super::Workload::client_with).
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn service_with<M, B>(
        &self,
        make: M,
    ) -> Result<GatewayService<super::services::EndpointTransport, B>, Error>
    where
        M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
        B: 'static,
    {
        Ok(
            self.over(crate::mesh::cluster::connect::client_connector::connector(
                make,
            )?),
        )
    }
}
