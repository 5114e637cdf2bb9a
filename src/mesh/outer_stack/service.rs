use std::marker::PhantomData;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::Body;
use tower_service::Service;

use super::future::State;
use super::{CallHints, CallInner, Direct, OuterStackFuture};
use crate::foundation::admission::{
    Admission, ChainTicket, Gate, GateChain, GatedFuture, QueuedFuture, forward_by,
    retain_if_active, with_panic_guard,
};
use crate::foundation::http::cookie::join_cookies;
use crate::foundation::http::{HeaderScan, RequestHead};
use crate::foundation::outcome::BoxError;
use crate::policies::telemetry::{SpanGate, SpanTicket, TracedBody, Tracer};
use crate::policies::timeout::{CallLimits, Timeout, TimeoutBody};

/// The trace of a request, its gates, and its timeout: [`TracedGate`] around [`Timeout`] as one
/// service, with one future.
///
/// Separate services would move the future and the response once more each, with the same behaviour. Calls that
/// are not admitted at once run through those two.
///
/// [`TracedGate`]: crate::telemetry::TracedGate
#[derive(Clone, Debug)]
pub struct OuterStack<S, G, H = Direct> {
    gate: GateChain<SpanGate, G>,
    call_inner: PhantomData<H>,
    tracer: Tracer,
    timeout: Timeout<S>,
}

impl<S, G, H> OuterStack<S, G, H> {
    pub(in crate::mesh) const fn new(tracer: Tracer, gate: G, timeout: Timeout<S>) -> Self {
        Self {
            gate: GateChain::new(SpanGate, gate),
            call_inner: PhantomData,
            tracer,
            timeout,
        }
    }

    /// Replaces the inner service.
    #[inline]
    pub(in crate::mesh) fn map_inner<T>(self, map: impl FnOnce(S) -> T) -> OuterStack<T, G, H> {
        OuterStack {
            gate: self.gate,
            call_inner: PhantomData,
            tracer: self.tracer,
            timeout: self.timeout.map_inner(map),
        }
    }
}

impl<S, G, H, B, R> Service<Request<B>> for OuterStack<S, G, H>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    G: Gate,
    H: CallInner<S, B>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Response = Response<TracedBody<TimeoutBody<R>, ChainTicket<SpanTicket, G>>>;
    type Error = S::Error;
    type Future = OuterStackFuture<S, G, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.timeout.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.version() == Version::HTTP_2 {
            join_cookies(request.headers_mut());
        }
        let hop = self.tracer.start(&mut request);
        let mut scope = hop.scope;
        let state = {
            let _inside = scope.enter();
            match self.gate.admit_inner(hop.ticket, RequestHead::of(&request)) {
                Admission::Admitted(ticket) => self.admitted(request, ticket, hop.scan),
                other => {
                    let (gate, timeout) = (&self.gate, &mut self.timeout);
                    State::not_admitted(QueuedFuture::not_admitted(gate, timeout, request, other))
                }
            }
        };
        OuterStackFuture::new(state, scope, hop.writes_request_id)
    }
}

impl<S, G: Gate, H> OuterStack<S, G, H> {
    /// Calls the inner service for an admitted request and keeps `ticket`; `scan` is of the request's headers.
    #[inline]
    fn admitted<B, R>(
        &mut self,
        mut request: Request<B>,
        ticket: ChainTicket<SpanTicket, G>,
        scan: Option<HeaderScan>,
    ) -> State<S, G, B, R>
    where
        S: Service<Request<B>, Response = Response<R>>,
        H: CallInner<S, B>,
        R: Body<Data = Bytes>,
    {
        let mut ticket = retain_if_active(ticket);
        let changed = forward_by(&mut ticket, request.headers_mut());
        let scan = scan.filter(|_| !changed);
        match with_panic_guard(&mut ticket, || self.timeout.admit(&mut request, scan)) {
            // Built in place: a future of several layers is hundreds of bytes.
            Ok(limits) => State::Calling {
                inner: with_panic_guard(&mut ticket, || {
                    let _until = limits.as_ref().and_then(CallLimits::enter);
                    H::call(self.timeout.inner(), request, CallHints(limits.as_ref()))
                }),
                limits,
                ticket,
            },
            Err(response) => State::not_admitted(QueuedFuture::calling(match ticket {
                Some(ticket) => GatedFuture::rejected_inside(*response, ticket),
                None => GatedFuture::rejected(*response),
            })),
        }
    }
}
