use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::shared::Tracer;
use super::{SpanTicket, TracedBody, TracedFuture};
use crate::foundation::admission::{
    Admission, ChainTicket, Gate, GateChain, NoQueue, QueuedFuture, forward,
};
use crate::foundation::http::RequestHead;

/// Runs each request in a span and through a gate: [`Traced`](super::Traced) around
/// [`Queued`](crate::gate::Queued) as one service, with one future and one watched body.
///
/// The trace layers create it with `gated`.
#[derive(Clone, Debug)]
pub struct TracedGate<S, G> {
    gate: GateChain<SpanGate, G>,
    tracer: Tracer,
    inner: S,
}

impl<S, G> TracedGate<S, G> {
    pub(super) const fn new(inner: S, gate: G, tracer: Tracer) -> Self {
        Self {
            gate: GateChain::new(SpanGate, gate),
            tracer,
            inner,
        }
    }

    /// Replaces the inner service.
    #[inline]
    pub(crate) fn map_inner<T>(self, map: impl FnOnce(S) -> T) -> TracedGate<T, G> {
        TracedGate {
            gate: self.gate,
            tracer: self.tracer,
            inner: map(self.inner),
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
    type Response = Response<TracedBody<R, ChainTicket<SpanTicket, G>>>;
    type Error = S::Error;
    type Future = TracedFuture<QueuedFuture<S, GateChain<SpanGate, G>, B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut started = self.tracer.start(&mut request);
        let inner = {
            // Entered before the gate decides, so that its rejection is logged inside the span.
            let _inside = started.scope.enter();
            match self
                .gate
                .admit_inner(started.ticket, RequestHead::of(&request))
            {
                Admission::Admitted(ticket) => {
                    let ticket = forward(ticket, request.headers_mut());
                    QueuedFuture::call(&mut self.inner, request, ticket)
                }
                other => QueuedFuture::not_admitted(&self.gate, &mut self.inner, request, other),
            }
        };
        TracedFuture::new(inner, started.scope, started.writes_request_id)
    }
}

/// Gate of the span of a [`TracedGate`]; it admits every request.
#[derive(Clone, Copy, Debug)]
pub struct SpanGate;

impl Gate for SpanGate {
    type Ticket = SpanTicket;
    type Wait = NoQueue<SpanTicket>;

    /// Returns an empty ticket: the span is started before the gates are asked.
    fn admit(&self, _head: RequestHead<'_>) -> Admission<SpanTicket, Self::Wait> {
        Admission::Admitted(SpanTicket::default())
    }
}
