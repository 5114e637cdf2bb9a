use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::foundation::http::RequestHead;
#[cfg(feature = "mtls")]
use crate::foundation::identity::PeerIdentity;
use crate::foundation::outcome::BoxError;
use crate::mesh::outer_stack::OuterStack;
use crate::mesh::service_mesh::authentication::{Authenticated, AuthenticatedGates, authenticated};
use crate::mesh::service_mesh::explain::{Explanation, explain_inbound};
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::mesh::service_mesh::router::route::inbound_limits::{InboundLimits, ServerGates};
use crate::mesh::stack::{self, routed};
use crate::policies::authorization::{self, AuthorizationGate};
use crate::policies::telemetry::TraceServerLayer;
use crate::policies::timeout::TimeoutLayer;
#[cfg(feature = "mtls")]
use crate::transport::mtls::identify;

/// Inbound stack around the routes of a workload: its trace, its authorization policies, its rate limits, its caller's
/// deadline.
///
/// Its services and its clones share the state of the workload.
#[derive(Clone)]
pub struct ServerLayer {
    port: Option<u16>,
    proxy: Arc<Proxy>,
    timeout: TimeoutLayer,
    trace: TraceServerLayer,
}

impl ServerLayer {
    pub(in crate::mesh) fn new(proxy: Arc<Proxy>) -> Self {
        let options = &proxy.options;
        let timeout = routed::server_timeout(options.envoy_behaviour);
        let emitter = proxy.emitter(proxy.inbound_source());
        Self {
            port: None,
            timeout: TimeoutLayer::with_emitter(timeout, emitter.clone()),
            trace: TraceServerLayer::with_peers(
                options.trace.clone(),
                emitter,
                proxy.peers.clone(),
            ),
            proxy,
        }
    }

    /// Sets the port at which the service listens; rate limits for other ports are skipped, and authorization policies compare
    /// it. By default all limits apply, and the port is that of [`LocalAddress`](crate::identity::LocalAddress).
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Explains the rate limits that a request to the workload meets, each with its line in the documents; the routes
    /// are the application's.
    #[must_use]
    pub fn explain<B>(&self, request: &Request<B>) -> Explanation {
        explain_inbound(&self.proxy, self.port, RequestHead::of(request))
    }
}

impl Debug for ServerLayer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLayer")
            .field("port", &self.port)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let authorization = self.proxy.authorization(self.port);
        let limits = InboundLimits::new(self.port, Arc::clone(&self.proxy));
        ServerService {
            #[cfg(feature = "mtls")]
            has_certificates: self.proxy.options.certificates.is_some(),
            inner: authenticated(
                &self.proxy,
                authorization.clone(),
                |authorization| routed::server_gates(authorization, limits),
                |gates| stack::inbound(&self.trace, gates, &self.timeout, inner),
            ),
            authorization,
        }
    }
}

/// A service behind a [`ServerLayer`].
///
/// Clones share all state.
#[derive(Clone)]
pub struct ServerService<S> {
    authorization: AuthorizationGate,
    #[cfg(feature = "mtls")]
    has_certificates: bool,
    inner: ServerStack<S>,
}

type ServerStack<S> = Authenticated<OuterStack<S, AuthenticatedGates<ServerGates>>>;

impl<S> Debug for ServerService<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerService").finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Response = <ServerStack<S> as Service<Request<B>>>::Response;
    type Error = S::Error;
    type Future = <ServerStack<S> as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // Here, so that an application that forgets the layer of peers denies no caller, and lets none through a `DENY`.
        #[cfg(feature = "mtls")]
        if self.has_certificates && request.extensions().get::<PeerIdentity>().is_none() {
            identify(request.extensions_mut());
        }
        authorization::normalize(&self.authorization, &mut request);
        self.inner.call(request)
    }
}
