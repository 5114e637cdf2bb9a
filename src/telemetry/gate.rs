use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::shared::Hops;
use super::{SpanTicket, TracedBody, TracedFuture};
use crate::RequestHead;
use crate::base::gate::{Admission, And, Both, Gate, Never, QueuedFuture, kept};

/// Runs each request as one hop of its trace, through a gate: [`Traced`](super::Traced) around
/// [`Queued`](crate::gate::Queued) as one service, with one future and one watched body.
///
/// The trace layers make it, with `gated`.
#[derive(Clone, Debug)]
pub struct TracedGate<S, G> {
    gate: And<SpanGate, G>,
    hops: Hops,
    inner: S,
}

impl<S, G> TracedGate<S, G> {
    pub(super) const fn new(inner: S, gate: G, hops: Hops) -> Self {
        Self {
            gate: And::new(SpanGate, gate),
            hops,
            inner,
        }
    }
}

impl<S, G, B, R> Service<Request<B>> for TracedGate<S, G>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    G: Gate,
    R: Body<Data = Bytes>,
    R::Error: 'static,
{
    type Response = Response<TracedBody<R, Both<SpanTicket, G>>>;
    type Error = S::Error;
    type Future = TracedFuture<QueuedFuture<S, And<SpanGate, G>, B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut hop = self.hops.begin(&mut request);
        let inner = {
            let _inside = hop.scope.enter();
            match self.gate.ask_inner(hop.ticket, RequestHead::of(&request)) {
                Admission::Admitted(ticket) => {
                    QueuedFuture::call(&mut self.inner, request, kept(ticket))
                }
                other => QueuedFuture::stopped(&self.gate, &mut self.inner, request, other),
            }
        };
        TracedFuture::new(inner, hop.scope, hop.tells_request_id)
    }
}

/// Stands for the span of a [`TracedGate`], which keeps nobody away.
#[derive(Clone, Copy, Debug)]
pub struct SpanGate;

impl Gate for SpanGate {
    type Ticket = SpanTicket;
    type Wait = Never<SpanTicket>;

    /// The span is begun with the request, before this gate's turn would come.
    fn admit(&self, _head: RequestHead<'_>) -> Admission<SpanTicket, Self::Wait> {
        Admission::Admitted(SpanTicket::default())
    }
}
