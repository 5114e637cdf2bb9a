use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::limits::{LimitsTicket, admit};
use super::proxy::Proxy;
use crate::base::RequestHead;
use crate::base::gate::{GatedFuture, WatchedBody};
use crate::telemetry::{TraceServerLayer, Traced};
use crate::timeout::{Timeout, TimeoutLayer, TimeoutPolicy};

/// What stands around the routes of a workload: its trace, its rate limits, its caller's deadline.
///
/// Its services and its clones share the state of the workload.
#[derive(Clone, Debug)]
pub struct ServerLayer {
    port: Option<u16>,
    proxy: Arc<Proxy>,
    timeout: TimeoutLayer,
    trace: TraceServerLayer,
}

/// A service behind a [`ServerLayer`].
pub type ServerService<S> = Traced<InboundLimits<Timeout<S>>>;

impl ServerLayer {
    pub(super) fn new(proxy: Arc<Proxy>) -> Self {
        Self {
            port: None,
            timeout: TimeoutLayer::observed(
                TimeoutPolicy::default(),
                Arc::clone(&proxy.options.observe),
            ),
            trace: TraceServerLayer::new(proxy.options.trace.clone()),
            proxy,
        }
    }

    /// Says at which port the service listens, so that limits for other ports are left out. By default
    /// none is.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        self.trace.layer(InboundLimits {
            inner: self.timeout.layer(inner),
            port: self.port,
            proxy: Arc::clone(&self.proxy),
        })
    }
}

/// The rate limits of what comes in, as the documents set them at the time.
#[derive(Clone, Debug)]
pub struct InboundLimits<S> {
    inner: S,
    port: Option<u16>,
    proxy: Arc<Proxy>,
}

impl<S> InboundLimits<S> {
    pub(super) const fn new(inner: S, port: Option<u16>, proxy: Arc<Proxy>) -> Self {
        Self { inner, port, proxy }
    }
}

impl<S, B, R> Service<Request<B>> for InboundLimits<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<WatchedBody<R, LimitsTicket>>;
    type Error = S::Error;
    type Future = GatedFuture<S::Future, LimitsTicket>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let admitted = {
            let gates = self.proxy.inbound();
            let here = gates.iter().filter(|(port, _)| {
                let (Some(port), Some(own)) = (port, self.port) else {
                    return true;
                };
                *port == own
            });
            admit(here.map(|(_, gate)| gate), RequestHead::of(&request))
        };
        match admitted {
            Ok(tickets) => GatedFuture::call(&mut self.inner, request, tickets),
            Err((ticket, rejection)) => {
                let grpc = RequestHead::of(&request).is_grpc();
                GatedFuture::refused(rejection.into_response(grpc), ticket)
            }
        }
    }
}
