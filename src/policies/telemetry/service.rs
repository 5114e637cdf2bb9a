use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::shared::Tracer;
use super::{SpanTicket, TracedBody, TracedFuture};
use crate::foundation::admission::{GatedFuture, forward};

/// Runs each request in a span of its trace.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    tracer: Tracer,
    inner: S,
}

impl<S> Traced<S> {
    pub(super) const fn new(inner: S, tracer: Tracer) -> Self {
        Self { tracer, inner }
    }

    #[cfg(feature = "istio")]
    pub(crate) const fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S, B, R> Service<Request<B>> for Traced<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    R: Body<Data = Bytes>,
    R::Error: 'static,
{
    type Response = Response<TracedBody<R>>;
    type Error = S::Error;
    type Future = TracedFuture<GatedFuture<S::Future, SpanTicket>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut started = self.tracer.start(&mut request);
        let inner = {
            // Entered for `call` as well: a service may begin its work there.
            let _inside = started.scope.enter();
            let ticket = forward(started.ticket, request.headers_mut());
            GatedFuture::call(&mut self.inner, request, ticket)
        };
        TracedFuture::new(inner, started.scope, started.writes_request_id)
    }
}
