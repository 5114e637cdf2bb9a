use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::shared::Hops;
use super::{SpanTicket, TracedBody, TracedFuture};
use crate::base::gate::{GatedFuture, kept};

/// Runs each request as one hop of its trace.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    hops: Hops,
    inner: S,
}

impl<S> Traced<S> {
    pub(super) const fn new(inner: S, hops: Hops) -> Self {
        Self { hops, inner }
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
        let mut hop = self.hops.begin(&mut request);
        let inner = {
            let _inside = hop.scope.enter();
            GatedFuture::call(&mut self.inner, request, kept(hop.ticket))
        };
        TracedFuture::new(inner, hop.scope, hop.tells_request_id)
    }
}
