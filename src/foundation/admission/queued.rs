use std::fmt::{self, Debug, Formatter};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::future::{Guard, forward};
use super::{Admission, Gate, GatedFuture, WatchedBody};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;

/// A service behind a [`Gate`] that may queue a request before it decides.
///
/// The queue is a state of the response future, never of `poll_ready`, so a waiting request does
/// not block others. A queued request keeps the service that was polled ready for it.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Queued<S, G> {
    gate: G,
    inner: S,
}

impl<S, G> Queued<S, G> {
    /// Wraps `inner` behind `gate`.
    pub const fn new(inner: S, gate: G) -> Self {
        Self { gate, inner }
    }
}

impl<S, G, B, R> Service<Request<B>> for Queued<S, G>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    G: Gate,
    R: Body<Data = Bytes>,
{
    type Response = Response<WatchedBody<R, G::Ticket>>;
    type Error = S::Error;
    type Future = QueuedFuture<S, G, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.gate.admit(RequestHead::of(&request)) {
            Admission::Admitted(ticket) => {
                let ticket = forward(ticket, request.headers_mut());
                QueuedFuture::call(&mut self.inner, request, ticket)
            }
            other => QueuedFuture::not_admitted(&self.gate, &mut self.inner, request, other),
        }
    }
}

/// Response future of [`Queued`].
#[pin_project]
pub struct QueuedFuture<S, G, B>
where
    S: Service<Request<B>>,
    G: Gate,
{
    #[pin]
    calling: GatedFuture<S::Future, G::Ticket>,
    // Boxed: only a queued call pays for it, and the future of every other call stays small.
    waiting: Option<Pin<Box<InQueue<S, G, B>>>>,
}

impl<S, G, B> QueuedFuture<S, G, B>
where
    S: Service<Request<B>>,
    G: Gate,
{
    /// Calls `inner`, which was polled ready, and holds `ticket` for the call.
    #[inline]
    pub(crate) fn call(inner: &mut S, request: Request<B>, mut ticket: Option<G::Ticket>) -> Self {
        let guard = Guard::new(&mut ticket);
        let this = Self::called(inner, request, guard.0);
        guard.disarm();
        this
    }

    /// Calls `inner`, then takes the ticket, in the manner of `GatedFuture::called`.
    fn called(inner: &mut S, request: Request<B>, ticket: &mut Option<G::Ticket>) -> Self {
        Self::calling(GatedFuture::called(inner, request, ticket))
    }

    #[inline]
    pub(crate) const fn calling(calling: GatedFuture<S::Future, G::Ticket>) -> Self {
        let waiting = None;
        Self { calling, waiting }
    }

    /// Executes the decision of `gate` about a request that was not admitted at once; `inner` was
    /// polled ready.
    #[cold]
    pub(crate) fn not_admitted(
        gate: &G,
        inner: &mut S,
        mut request: Request<B>,
        admission: Admission<G::Ticket, G::Wait>,
    ) -> Self
    where
        S: Clone,
    {
        match admission {
            Admission::Admitted(ticket) => {
                let ticket = forward(ticket, request.headers_mut());
                Self::call(inner, request, ticket)
            }
            Admission::Waiting(wait) => {
                // The clone was not polled ready: it stays behind, and the ready one waits.
                let clone = inner.clone();
                let inner = mem::replace(inner, clone);
                Self::waiting(wait, gate.clone(), inner, request)
            }
            Admission::RejectedInside(ticket, rejection) => {
                let grpc = RequestHead::of(&request).is_grpc();
                let response = rejection.into_response(grpc);
                Self::calling(GatedFuture::rejected_inside(response, ticket))
            }
            Admission::Rejected(rejection) => {
                let grpc = RequestHead::of(&request).is_grpc();
                let mut response = rejection.into_response(grpc);
                gate.write_headers(rejection, response.headers_mut());
                gate.write_extensions(rejection, response.extensions_mut());
                Self::calling(GatedFuture::rejected(response))
            }
        }
    }

    fn waiting(wait: G::Wait, gate: G, inner: S, request: Request<B>) -> Self {
        let call = Some(Call {
            gate,
            inner,
            request,
        });
        Self {
            calling: GatedFuture::idle(),
            waiting: Some(Box::pin(InQueue { wait, call })),
        }
    }
}

/// A call that waits for admission.
#[pin_project]
struct InQueue<S, G: Gate, B> {
    // Declared before the call, so that its queue entry is free before the service is dropped.
    #[pin]
    wait: G::Wait,
    call: Option<Call<S, G, B>>,
}

/// Everything that a queued call needs once it is admitted.
struct Call<S, G, B> {
    gate: G,
    inner: S,
    request: Request<B>,
}

impl<S, G, B> Debug for QueuedFuture<S, G, B>
where
    S: Service<Request<B>>,
    G: Gate,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedFuture")
            .field("waiting", &self.waiting.is_some())
            .finish_non_exhaustive()
    }
}

impl<S, G, B, R> Future for QueuedFuture<S, G, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    G: Gate,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<WatchedBody<R, G::Ticket>>, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_map(cx, |body| body)
    }
}

impl<S, G, B> QueuedFuture<S, G, B>
where
    S: Service<Request<B>>,
    G: Gate,
{
    /// Polls, and wraps the body of the response where the response is made.
    #[inline]
    pub(crate) fn poll_map<R, Q>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        wrap: impl FnOnce(WatchedBody<R, G::Ticket>) -> Q,
    ) -> Poll<Result<Response<Q>, S::Error>>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        S::Error: 'static,
    {
        if self.waiting.is_some() {
            ready!(self.as_mut().poll_queue(cx));
        }
        self.project().calling.poll_map(cx, wrap)
    }
}

impl<S, G, B> QueuedFuture<S, G, B>
where
    S: Service<Request<B>> + Clone,
    G: Gate,
{
    /// Polls the queue, again if the gate queues the request once more, and starts the call.
    #[cold]
    fn poll_queue(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(queued) = self.as_mut().project().waiting {
            let queued = queued.as_mut().project();
            let waited = ready!(queued.wait.poll(cx));
            let call = queued.call.take().expect("not polled after completion");
            self.set(call.proceed(waited));
        }
        Poll::Ready(())
    }
}

impl<S, G, B> Call<S, G, B>
where
    S: Service<Request<B>> + Clone,
    G: Gate,
{
    fn proceed(mut self, waited: Result<G::Ticket, Rejection>) -> QueuedFuture<S, G, B> {
        let head = RequestHead::of(&self.request);
        let admission = match waited {
            Ok(ticket) => self.gate.resume(ticket, head),
            // The gate rejected the request while it waited, so no ticket exists.
            Err(rejection) => Admission::Rejected(rejection),
        };
        QueuedFuture::not_admitted(&self.gate, &mut self.inner, self.request, admission)
    }
}
