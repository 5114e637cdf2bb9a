use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::shared::Shared;
use super::{SpanTicket, TracedBody, TracedFuture};
use crate::RequestHead;
use crate::base::gate::{Admission, And, Both, Gate, Never, QueuedFuture, kept};
use crate::base::spread::Anchor;

/// Runs each request as one hop of its trace, through a gate: [`Traced`](super::Traced) around
/// [`Queued`](crate::gate::Queued) as one service, with one future and one watched body.
///
/// The trace layers make it, with `gated`.
#[derive(Clone, Debug)]
pub struct TracedGate<S, G> {
    gate: And<SpanGate, G>,
    inner: S,
    shared: Anchor<Shared>,
}

impl<S, G> TracedGate<S, G> {
    pub(super) const fn new(inner: S, gate: G, shared: Anchor<Shared>) -> Self {
        Self {
            gate: And::new(SpanGate, gate),
            inner,
            shared,
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
        let settings = self.shared.policy.settings();
        let (mut scope, ticket) = self.shared.start(settings, &mut request);
        let inner = {
            let _inside = scope.enter();
            match self.gate.ask_inner(ticket, RequestHead::of(&request)) {
                Admission::Admitted(ticket) => {
                    QueuedFuture::call(&mut self.inner, request, kept(ticket))
                }
                other => QueuedFuture::stopped(&self.gate, &mut self.inner, request, other),
            }
        };
        TracedFuture::new(inner, scope, self.shared.tells_request_id(settings))
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
