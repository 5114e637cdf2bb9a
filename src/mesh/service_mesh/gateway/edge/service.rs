use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::Listener;
use super::gate::Refused;

/// Layer that sanitizes the requests of one listener.
pub(in crate::mesh) struct EdgeLayer {
    listener: Arc<Listener>,
}

impl EdgeLayer {
    pub(in crate::mesh) fn new(listener: Listener) -> Self {
        Self {
            listener: Arc::new(listener),
        }
    }
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Edge {
            inner,
            listener: Arc::clone(&self.listener),
        }
    }
}

/// Service that sanitizes each request before the rest of a gateway; see [`Gateway`](crate::mesh::Gateway).
///
/// It marks requests to be rejected, and the [gate](super::EdgeGate) inside the trace answers them: a service that
/// answered by itself would wrap each response body once more.
#[derive(Clone, Debug)]
pub struct Edge<S> {
    inner: S,
    listener: Arc<Listener>,
}

impl<S> Edge<S> {
    pub(in crate::mesh) fn listener(&self) -> &Listener {
        &self.listener
    }
}

impl<S, B> Service<Request<B>> for Edge<S>
where
    S: Service<Request<B>>,
    B: Body,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // Marked instead of answered: the trace outside the gate records the rejection too.
        if let Err(rejection) = self.listener.sanitize(&mut request) {
            request.extensions_mut().insert(Refused(rejection));
            #[cfg(feature = "jwt")]
            request
                .extensions_mut()
                .insert(crate::policies::authorization::Unasked);
        }
        self.inner.call(request)
    }
}
