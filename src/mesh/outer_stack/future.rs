use std::convert::Infallible;
use std::fmt::{self, Debug, Formatter};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project::{pin_project, pinned_drop};
use tower_service::Service;

use crate::foundation::admission::{BodyWatch, WatchedBody};
use crate::foundation::admission::{
    ChainTicket, Gate, GateChain, QueuedFuture, report_result, with_panic_guard,
};
use crate::foundation::outcome::BoxError;
use crate::policies::telemetry::{Scope, SpanGate, SpanTicket, TracedBody};
use crate::policies::timeout::{CallLimits, Timeout, TimeoutBody};

/// Response future of [`OuterStack`](super::OuterStack).
#[pin_project(PinnedDrop)]
pub struct OuterStackFuture<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: Gate,
    R: Body<Data = Bytes>,
{
    #[pin]
    state: State<S, G, B, R>,
    scope: Scope,
    writes_request_id: bool,
}

impl<S, G, B, R> OuterStackFuture<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: Gate,
    R: Body<Data = Bytes>,
{
    #[inline]
    pub(super) const fn new(
        state: State<S, G, B, R>,
        scope: Scope,
        writes_request_id: bool,
    ) -> Self {
        Self {
            state,
            scope,
            writes_request_id,
        }
    }
}

/// Response future of a separate gate and timeout, for calls that are not admitted at once.
type SeparateStack<S, G, B> = QueuedFuture<Timeout<S>, GateChain<SpanGate, G>, B>;

#[pin_project(project = StateProj)]
pub(super) enum State<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: Gate,
    R: Body<Data = Bytes>,
{
    Calling {
        #[pin]
        inner: S::Future,
        /// `None` if no timeout limits the call.
        limits: Option<CallLimits>,
        ticket: Option<ChainTicket<SpanTicket, G>>,
    },
    Done,
    // Boxed: only calls that wait or are rejected pay for the allocation.
    NotAdmitted(Pin<Box<SeparateStack<S, G, B>>>),
}

impl<S, G, B, R> State<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: Gate,
    R: Body<Data = Bytes>,
{
    #[cold]
    pub(super) fn not_admitted(future: SeparateStack<S, G, B>) -> Self {
        Self::NotAdmitted(Box::pin(future))
    }
}

type Output<R, G, E> = Result<Response<TracedBody<TimeoutBody<R>, ChainTicket<SpanTicket, G>>>, E>;

impl<S, G, B, R> Future for OuterStackFuture<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    G: Gate,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Output = Output<R, G, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let inside = this.scope.enter();
        let mut ended = match this.state.as_mut().project() {
            StateProj::Calling {
                inner,
                limits,
                ticket,
            } => {
                let mut polled = with_panic_guard(ticket, || {
                    let _until = limits.as_ref().and_then(CallLimits::enter);
                    inner.poll(cx)
                });
                if let Poll::Ready(result) = &mut polled {
                    let undecided = report_result(result, ticket);
                    let watch = BodyWatch::new(ticket.take(), undecided);
                    let mut limits = limits.take();
                    // The inner future is dropped inside the span, as it was polled inside.
                    this.state.set(State::Done);
                    drop(inside);
                    let scope = mem::replace(this.scope, Scope::none());
                    if let Ok(response) = result {
                        if *this.writes_request_id {
                            scope.write_request_id(response.headers_mut());
                        }
                        limits = limits.take_if(|limits| limits.start_body(response));
                    }
                    // Changed and mapped in place: a response is some hundred bytes, and is moved once for all parts.
                    return polled.map_ok(|response| {
                        response.map(|body| {
                            let body = TimeoutBody::limited(body, limits);
                            TracedBody::new(WatchedBody::upstream(body, watch), scope)
                        })
                    });
                }
                let Some(waiting) = limits.as_mut() else {
                    return Poll::Pending;
                };
                ready!(waiting.poll_budget(cx));
                let limits = limits.take().expect("there a moment ago");
                let mut ticket = ticket.take();
                let drop = || this.state.set(State::Done);
                let response = with_panic_guard(&mut ticket, || limits.time_out(drop));
                let mut response = Ok::<_, Infallible>(response.map(TimeoutBody::local_reply));
                let undecided = report_result(&mut response, &mut ticket);
                let watch = BodyWatch::new(ticket, undecided);
                let Ok(response) = response;
                Ok(response.map(|body| WatchedBody::upstream(body, watch)))
            }
            StateProj::Done => unreachable!("{ONCE}"),
            StateProj::NotAdmitted(future) => {
                let answered = ready!(future.as_mut().poll(cx));
                this.state.set(State::Done);
                answered
            }
        };
        drop(inside);
        let scope = mem::replace(this.scope, Scope::none());
        if *this.writes_request_id
            && let Ok(response) = &mut ended
        {
            scope.write_request_id(response.headers_mut());
        }
        Poll::Ready(ended.map(|response| response.map(|body| TracedBody::new(body, scope))))
    }
}

const ONCE: &str = "not polled after completion";

#[pinned_drop]
impl<S, G, B, R> PinnedDrop for OuterStackFuture<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: Gate,
    R: Body<Data = Bytes>,
{
    fn drop(self: Pin<&mut Self>) {
        let mut this = self.project();
        if !matches!(*this.state, State::Done) {
            let _inside = this.scope.enter();
            this.state.set(State::Done);
        }
    }
}

impl<S, G, B, R> Debug for OuterStackFuture<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: Gate,
    R: Body<Data = Bytes>,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Calling { .. } => "Calling",
            State::Done => "Done",
            State::NotAdmitted(_) => "Stopped",
        };
        f.debug_struct("OuterStackFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
