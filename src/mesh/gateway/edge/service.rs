use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use http_body::Body;
use tower_service::Service;

use super::Listener;
use super::gate::Refused;

/// Sanitizes each request before the service of a gateway sees it; see [`Gateway`](crate::mesh::Gateway).
///
/// What is to be refused it marks, and the [gate](super::EdgeGate) behind the trace answers: a service that
/// answers by itself would put one more body around each response.
#[derive(Clone, Debug)]
pub struct Edge<S> {
    inner: S,
    listener: Arc<Listener>,
}

impl<S> Edge<S> {
    pub(in crate::mesh) fn new(inner: S, listener: Listener) -> Self {
        Self {
            inner,
            listener: Arc::new(listener),
        }
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
        if let Err(rejection) = self.listener.sanitize(&mut request) {
            request.extensions_mut().insert(Refused(rejection));
        }
        self.inner.call(request)
    }
}
