use std::marker::PhantomData;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::Body;
use tower_service::Service;

use super::future::State;
use super::{EntranceFuture, Handed, Handing, Plainly};
use crate::base::cookie::join_cookies;
use crate::base::gate::{
    Admission, And, Both, Gate, GatedFuture, QueuedFuture, Ticket, guarded, kept,
};
use crate::telemetry::{Hops, SpanGate, SpanTicket, TracedBody};
use crate::timeout::{Limits, Timeout, TimeoutBody};
use crate::{BoxError, RequestHead};

/// The trace of a request, the gates before it, and its timeout: [`TracedGate`] around [`Timeout`] as one
/// service, with one future.
///
/// A service for each would move the future and the response once more, and show nothing else. What does
/// not go on at once is left to those two.
///
/// [`TracedGate`]: crate::telemetry::TracedGate
#[derive(Clone, Debug)]
pub struct Entrance<S, G, H = Plainly> {
    gate: And<SpanGate, G>,
    handing: PhantomData<H>,
    hops: Hops,
    timeout: Timeout<S>,
}

impl<S, G, H> Entrance<S, G, H> {
    pub(in crate::mesh) const fn new(hops: Hops, gate: G, timeout: Timeout<S>) -> Self {
        Self {
            gate: And::new(SpanGate, gate),
            handing: PhantomData,
            hops,
            timeout,
        }
    }
}

impl<S, G, H, B, R> Service<Request<B>> for Entrance<S, G, H>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    G: Gate,
    H: Handing<S, B>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Response = Response<TracedBody<TimeoutBody<R>, Both<SpanTicket, G>>>;
    type Error = S::Error;
    type Future = EntranceFuture<S, G, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.timeout.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.version() == Version::HTTP_2 {
            join_cookies(request.headers_mut());
        }
        let hop = self.hops.begin(&mut request);
        let mut scope = hop.scope;
        let state = {
            let _inside = scope.enter();
            match self.gate.ask_inner(hop.ticket, RequestHead::of(&request)) {
                Admission::Admitted(ticket) => self.admitted(request, ticket),
                other => {
                    let (gate, timeout) = (&self.gate, &mut self.timeout);
                    State::stopped(QueuedFuture::stopped(gate, timeout, request, other))
                }
            }
        };
        EntranceFuture::new(state, scope, hop.tells_request_id)
    }
}

impl<S, G: Gate, H> Entrance<S, G, H> {
    /// Calls the inner service on behalf of `ticket`.
    #[inline]
    fn admitted<B, R>(
        &mut self,
        mut request: Request<B>,
        ticket: Both<SpanTicket, G>,
    ) -> State<S, G, B, R>
    where
        S: Service<Request<B>, Response = Response<R>>,
        H: Handing<S, B>,
        R: Body<Data = Bytes>,
    {
        let mut ticket = kept(ticket);
        if let Some(ticket) = &mut ticket {
            ticket.forward(request.headers_mut());
        }
        match guarded(&mut ticket, || self.timeout.admit(&mut request)) {
            // Made where it will lie: a future of several layers is hundreds of bytes.
            Ok(limits) => State::Calling {
                inner: guarded(&mut ticket, || {
                    let _until = limits.as_ref().and_then(Limits::enter);
                    H::call(self.timeout.inner(), request, Handed(limits.as_ref()))
                }),
                limits,
                ticket,
            },
            Err(response) => State::stopped(QueuedFuture::calling(match ticket {
                Some(ticket) => GatedFuture::refused(*response, ticket),
                None => GatedFuture::rejected(*response),
            })),
        }
    }
}
