#[expect(
    unnameable_types,
    reason = "parts of opaque services, which users reach through `Service` alone"
)]
pub(crate) mod edge;
#[expect(
    unnameable_types,
    reason = "parts of opaque services, which users reach through `Service` alone"
)]
pub(crate) mod ingress;
pub(crate) mod upgrade;

use std::convert::Infallible;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

#[cfg(feature = "reqwest")]
use super::EndpointTransport;
use super::{Error, MeshTransport, TrustedProxies};
use crate::foundation::events::Emitter;
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::BoxError;
use crate::istio::config::WorkloadId;
use crate::mesh::service_mesh::authentication::{Authenticated, AuthenticatedGates, authenticated};
#[cfg(feature = "reqwest")]
use crate::mesh::service_mesh::cluster::connect::client_connector::{
    own_connector, reqwest_connector,
};
use crate::mesh::service_mesh::cluster::connect::connector::Connector;
use crate::mesh::service_mesh::explain::{Explanation, explain_gateway};
use crate::mesh::service_mesh::proxy::role::Role;
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::mesh::service_mesh::router::listener_port::ListenerPort;
use crate::mesh::service_mesh::router::route::inbound_limits::{InboundLimits, ServerGates};
use crate::mesh::service_mesh::router::router_state::RouterState;
use crate::mesh::service_mesh::router::service::Router;
use crate::mesh::service_mesh::state::mesh_state::MeshState;
use crate::mesh::stack::routed;
use crate::policies::telemetry::TracedGate;
#[cfg(feature = "reqwest")]
use crate::transport::client::TcpConnector;
use edge::{Edge, EdgeGate, EdgeLayer, Listener};
use ingress::Ingress;

/// Ingress gateway: forwards requests by the virtual services that are bound to a `Gateway`.
///
/// Requests for a host without a server of the gateway, or without a route, get 404. TLS is terminated by the
/// listener. See the [module docs](crate::mesh) for an example.
///
/// # At the edge
///
/// Callers may be strangers, so requests are sanitized before the trace, the limits and the
/// routes see them, as Envoy does at Istio's gateways (`use_remote_address: true`):
///
/// - **The caller's address.** The peer is appended to `X-Forwarded-For` and written to
///   `x-envoy-external-address`; with [trusted proxies](Self::with_trusted_proxies) the address is the one
///   that they forward. The peer is read as [`PeerAddress`](crate::rate_limit::PeerAddress) is: serve with axum's
///   `into_make_service_with_connect_info::<SocketAddr>`. Where the peer is unknown, the header is
///   removed.
/// - **The scheme.** `X-Forwarded-Proto` is the scheme of the caller's connection to this listener, unless the peer is
///   trusted; `httpsRedirect` and `match.scheme` use it. Upstream TLS depends on the
///   `DestinationRule` alone.
/// - **The host.** The authority of the target takes precedence over `Host`, which is rewritten to it; several
///   `Host` fields, none, or an invalid host get 400. The port in it is ignored: `match.port` compares
///   [the gateway's](Self::with_port), and a destination without a port uses the only one of its
///   service, or gets 503 (flag `NC`).
/// - **Removed headers**: names that start with `x-envoy-`, `x-forwarded-client-cert`, `x-request-id`
///   (the trace writes a new one), hop-by-hop fields and those that `Connection` names (RFC 9110,
///   7.6.1), `Expect: 100-continue`, and all of `TE` except `trailers`.
/// - **The path** is normalized (Istio's `BASE`): no dot segments, no escaped letters and
///   digits, `/` for a backslash. Bytes beyond ASCII and `%00` get 400.
/// - **Lengths**: `Content-Length` beside `Transfer-Encoding`, or several of them, get 400. So does
///   `Connection` with a field that every hop needs. `CONNECT` and `OPTIONS *` get 404. A request that is
///   rejected for its form carries [`Rejection::BadRequest`](crate::Rejection::BadRequest).
/// - **Several `cookie` fields** of HTTP/2 are joined to one.
///
/// # Limits of the server
///
/// The server limits the number and size of header fields, before a gateway sees a request. hyper's
/// default limits are: over HTTP/1.1 100 fields (431), and about 400 kB for the whole head
/// (`max_headers`, `max_buf_size`; a target of 65,534 bytes, 414); over HTTP/2 16 kB of fields
/// (`max_header_list_size`, 431). Envoy's are 100 fields and 60 kB in both.
///
/// # Upgrades
///
/// WebSocket upgrades are forwarded, and take effect if the upstream agrees, where hyper serves the connection with
/// upgrades (`axum::serve` does) and the transport is hyper's (reqwest and the [pool](crate::pool) are):
/// a task of the mesh copies the bytes, and ends with either connection. Other
/// protocols are rejected with 403.
#[derive(Clone)]
pub struct Gateway {
    port: Option<u16>,
    proxy: Arc<Proxy>,
    tls: Option<bool>,
    trusted: TrustedProxies,
}

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
        // Checked once: a gateway that disappears later answers 404 instead of an error.
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

    /// Sets the port of this listener, so that only the gateway's servers on that port apply. By
    /// default all do, and `match.port` may be any of theirs.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Declares that callers use TLS to the listener, which `X-Forwarded-Proto` reports, if `true`. By default
    /// they do if all servers of the [port](Self::with_port) have `protocol: HTTPS`.
    #[must_use]
    pub const fn with_tls(mut self, tls: bool) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets the trusted proxies in front of this gateway: Istio's
    /// `gatewayTopology.numTrustedProxies`, or their networks. The default is none.
    #[must_use]
    pub fn with_trusted_proxies(mut self, trusted: TrustedProxies) -> Self {
        self.trusted = trusted;
        self
    }

    /// Explains what the gateway does with a request, and sends nothing: its limits, its route, and the policies of its
    /// clusters, each with its line in the documents, as
    /// [`Workload::explain`](crate::mesh::Workload::explain) does.
    ///
    /// The request is one that has passed the sanitation at the edge, which removes headers.
    #[must_use]
    pub fn explain<B>(&self, request: &Request<B>) -> Explanation {
        explain_gateway(&self.proxy, self.port, RequestHead::of(request))
    }

    /// Returns the service over a transport of any kind; each cluster uses a clone.
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
        let listener = Listener {
            port,
            proxy: Arc::clone(proxy),
            tls: self.tls,
            trusted: self.trusted.clone(),
            warned: AtomicBool::new(false),
        };
        let listener_port = Some(ListenerPort(port));
        let state = RouterState::new(Arc::clone(proxy), connector, listener_port);
        let trace = &proxy.options.trace.clone().internal();
        // The layer outside reports the end of each request, this one only its span.
        let silent = Emitter::with_source(Arc::new(()), proxy.source());
        let routes = routed::outbound(trace, silent, Router::new(state));
        let authorization = proxy.authorization(port);
        let limits = InboundLimits::new(port, Arc::clone(proxy));
        let refused = limits.emitter();
        let ingress = Ingress::new(routes, port, Arc::clone(proxy));
        let edge = EdgeLayer::new(listener);
        let emitter = proxy.emitter(proxy.source());
        // Inside the edge, which removes what the caller made up.
        let inner = edge.layer(authenticated(
            proxy,
            authorization,
            |authorization| routed::server_gates(authorization, limits),
            |gates| routed::gateway(trace, emitter, EdgeGate::new(refused, gates), ingress),
        ));
        GatewayService { inner }
    }
}

impl Debug for Gateway {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("port", &self.port)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "reqwest")]
impl Gateway {
    /// Returns the service over connections of the crate's own; see [`Workload::client`](super::Workload::client).
    #[must_use]
    pub fn service<B: 'static>(&self) -> GatewayService<EndpointTransport, B> {
        self.service_with_connector(TcpConnector::default())
    }

    /// Returns the service over connections of `connector`; see
    /// [`Workload::client_with_connector`](super::Workload::client_with_connector).
    #[must_use]
    pub fn service_with_connector<B: 'static>(
        &self,
        connector: TcpConnector,
    ) -> GatewayService<EndpointTransport, B> {
        self.over(own_connector(connector))
    }

    /// Returns the service over clients of `make`; see [`Workload::client_with`](super::Workload::client_with).
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn service_with<M, B>(&self, make: M) -> Result<GatewayService<EndpointTransport, B>, Error>
    where
        M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
        B: 'static,
    {
        Ok(self.over(reqwest_connector(make)?))
    }
}

/// Service of a [`Gateway`], ending in `S`; `B` is the body of its requests.
///
/// It converts all failures to responses, so it fits where axum requires an infallible service, such as
/// `Router::fallback_service`. It is always ready, and its clones share all state.
pub struct GatewayService<S, B> {
    inner: GatewayStack<S, B>,
}

type GatewayStack<S, B> =
    Edge<Authenticated<TracedGate<Ingress<S, B>, EdgeGate<AuthenticatedGates<ServerGates>>>>>;

impl<S, B> Clone for GatewayService<S, B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<S, B> Debug for GatewayService<S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let listener = self.inner.listener();
        f.debug_struct("GatewayService")
            .field("port", &listener.port)
            .field("proxy", &listener.proxy)
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for GatewayService<S, B>
where
    S: MeshTransport<B, ResponseBody = R>,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + 'static,
{
    type Response = <GatewayStack<S, B> as Service<Request<B>>>::Response;
    type Error = Infallible;
    type Future = <GatewayStack<S, B> as Service<Request<B>>>::Future;

    /// Always returns ready.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.inner.call(request)
    }
}
