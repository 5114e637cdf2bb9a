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

use crate::base::gate::{And, Both, Gate, QueuedFuture, guarded, settle};
use crate::base::{BoxError, Watch, WatchedBody};
use crate::telemetry::{Scope, SpanGate, SpanTicket, TracedBody};
use crate::timeout::{Limits, Timeout, TimeoutBody};

/// Response future of [`Entrance`](super::Entrance).
#[pin_project(PinnedDrop)]
pub struct EntranceFuture<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: Gate,
    R: Body<Data = Bytes>,
{
    #[pin]
    state: State<S, G, B, R>,
    scope: Scope,
    tells_request_id: bool,
}

impl<S, G, B, R> EntranceFuture<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: Gate,
    R: Body<Data = Bytes>,
{
    #[inline]
    pub(super) const fn new(
        state: State<S, G, B, R>,
        scope: Scope,
        tells_request_id: bool,
    ) -> Self {
        Self {
            state,
            scope,
            tells_request_id,
        }
    }
}

/// The gates' part and the timeout's, each with a future of its own.
type Apart<S, G, B> = QueuedFuture<Timeout<S>, And<SpanGate, G>, B>;

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
        /// None if nothing limits the call.
        limits: Option<Limits>,
        ticket: Option<Both<SpanTicket, G>>,
    },
    Done,
    // Boxed: only a call that waits, or is turned away, pays.
    Stopped(Pin<Box<Apart<S, G, B>>>),
}

impl<S, G, B, R> State<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: Gate,
    R: Body<Data = Bytes>,
{
    #[cold]
    pub(super) fn stopped(future: Apart<S, G, B>) -> Self {
        Self::Stopped(Box::pin(future))
    }
}

type Output<R, G, E> = Result<Response<TracedBody<TimeoutBody<R>, Both<SpanTicket, G>>>, E>;

impl<S, G, B, R> Future for EntranceFuture<S, G, B, R>
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
                let mut polled = guarded(ticket, || {
                    let _until = limits.as_ref().and_then(Limits::enter);
                    inner.poll(cx)
                });
                if let Poll::Ready(result) = &mut polled {
                    let undecided = settle(result, ticket);
                    let watch = Watch::new(ticket.take(), undecided);
                    let mut limits = limits.take();
                    // What runs inside goes inside.
                    this.state.set(State::Done);
                    drop(inside);
                    let scope = mem::replace(this.scope, Scope::none());
                    // Where it lies: a response is some hundred bytes, and moves once for all parts.
                    return polled.map_ok(|mut response| {
                        if *this.tells_request_id {
                            scope.tell_request_id(response.headers_mut());
                        }
                        let limits = limits.take_if(|limits| limits.go_over(&response));
                        response.map(|body| {
                            let body = TimeoutBody::limited(body, limits);
                            TracedBody::new(WatchedBody::upstream(body, watch), scope)
                        })
                    });
                }
                let Some(waiting) = limits.as_mut() else {
                    return Poll::Pending;
                };
                ready!(waiting.poll_window(cx));
                let limits = limits.take().expect("there a moment ago");
                let mut ticket = ticket.take();
                let drop = || this.state.set(State::Done);
                let response = guarded(&mut ticket, || limits.time_out(drop));
                let mut response = Ok::<_, Infallible>(response.map(TimeoutBody::answer));
                let undecided = settle(&mut response, &mut ticket);
                let watch = Watch::new(ticket, undecided);
                let Ok(response) = response;
                Ok(response.map(|body| WatchedBody::upstream(body, watch)))
            }
            StateProj::Done => unreachable!("{ONCE}"),
            StateProj::Stopped(future) => {
                let answered = ready!(future.as_mut().poll(cx));
                this.state.set(State::Done);
                answered
            }
        };
        drop(inside);
        let scope = mem::replace(this.scope, Scope::none());
        if *this.tells_request_id
            && let Ok(response) = &mut ended
        {
            scope.tell_request_id(response.headers_mut());
        }
        Poll::Ready(ended.map(|response| response.map(|body| TracedBody::new(body, scope))))
    }
}

const ONCE: &str = "not polled after completion";

#[pinned_drop]
impl<S, G, B, R> PinnedDrop for EntranceFuture<S, G, B, R>
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

impl<S, G, B, R> Debug for EntranceFuture<S, G, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    G: Gate,
    R: Body<Data = Bytes>,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Calling { .. } => "Calling",
            State::Done => "Done",
            State::Stopped(_) => "Stopped",
        };
        f.debug_struct("EntranceFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
