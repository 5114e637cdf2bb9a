use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::shared::Shared;
use super::{SpanTicket, TracedBody, TracedFuture};
use crate::base::gate::{GatedFuture, kept};
use crate::base::spread::Anchor;

/// Runs each request as one hop of its trace.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    inner: S,
    shared: Anchor<Shared>,
}

impl<S> Traced<S> {
    pub(super) const fn new(inner: S, shared: Anchor<Shared>) -> Self {
        Self { inner, shared }
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
        let settings = self.shared.policy.settings();
        let (mut scope, ticket) = self.shared.start(settings, &mut request);
        let inner = {
            let _inside = scope.enter();
            GatedFuture::call(&mut self.inner, request, kept(ticket))
        };
        TracedFuture::new(inner, scope, self.shared.tells_request_id(settings))
    }
}
