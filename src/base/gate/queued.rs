use std::fmt::{self, Debug, Formatter};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::{Admission, Gate, GatedFuture, WatchedBody};
use crate::base::{Rejection, RequestHead};

/// A service behind a [`Gate`] that may queue a request before it decides.
///
/// The queue is a state of the response future, never of `poll_ready`, so whoever waits blocks
/// nobody else. A queued request keeps the service that was polled ready for it.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Queued<S, G> {
    gate: G,
    inner: S,
}

impl<S, G> Queued<S, G> {
    /// Puts `gate` before `inner`.
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let head = RequestHead::of(&request);
        match self.gate.admit(head) {
            Admission::Admitted(ticket) => {
                QueuedFuture::calling(GatedFuture::call(&mut self.inner, request, ticket))
            }
            Admission::Rejected(rejection) => {
                let mut response = rejection.into_response(head.is_grpc());
                self.gate.annotate(rejection, response.headers_mut());
                QueuedFuture::calling(GatedFuture::rejected(response))
            }
            Admission::Waiting(wait) => {
                // The clone was not polled ready: it stays behind, and the ready one waits.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                QueuedFuture::waiting(wait, self.gate.clone(), inner, request)
            }
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
    state: State<S, G, B>,
}

impl<S, G, B> QueuedFuture<S, G, B>
where
    S: Service<Request<B>>,
    G: Gate,
{
    #[inline]
    const fn calling(future: GatedFuture<S::Future, G::Ticket>) -> Self {
        let state = State::Calling(future);
        Self { state }
    }

    #[cold]
    fn waiting(wait: G::Wait, gate: G, inner: S, request: Request<B>) -> Self {
        let call = Some(Call {
            gate,
            inner,
            request,
        });
        let state = State::Waiting(Box::pin(InQueue { wait, call }));
        Self { state }
    }
}

#[pin_project(project = StateProj)]
enum State<S, G, B>
where
    S: Service<Request<B>>,
    G: Gate,
{
    Calling(#[pin] GatedFuture<S::Future, G::Ticket>),
    // Boxed: only a queued call pays, and the future of every other one stays small.
    Waiting(Pin<Box<InQueue<S, G, B>>>),
}

/// A call that waits to be let in.
#[pin_project]
struct InQueue<S, G: Gate, B> {
    // Before the call, so that its place is free before the service is.
    #[pin]
    wait: G::Wait,
    call: Option<Call<S, G, B>>,
}

/// What a queued call needs once it is let in.
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
        let state = match self.state {
            State::Calling(_) => "Calling",
            State::Waiting(_) => "Waiting",
        };
        f.debug_struct("QueuedFuture")
            .field("state", &state)
            .finish()
    }
}

impl<S, G, B, R> Future for QueuedFuture<S, G, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    G: Gate,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<WatchedBody<R, G::Ticket>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match self.as_mut().project().state.project() {
                StateProj::Calling(future) => return future.poll(cx),
                StateProj::Waiting(queued) => {
                    let queued = queued.as_mut().project();
                    let admitted = ready!(queued.wait.poll(cx));
                    let call = queued.call.take().expect("not polled after completion");
                    call.go_on(admitted)
                }
            };
            self.as_mut().project().state.set(State::Calling(next));
        }
    }
}

impl<S, G, B> Call<S, G, B>
where
    S: Service<Request<B>>,
    G: Gate,
{
    fn go_on(
        mut self,
        admitted: Result<G::Ticket, Rejection>,
    ) -> GatedFuture<S::Future, G::Ticket> {
        match admitted {
            Ok(ticket) => GatedFuture::call(&mut self.inner, self.request, ticket),
            Err(rejection) => {
                let grpc = RequestHead::of(&self.request).is_grpc();
                let mut response = rejection.into_response(grpc);
                self.gate.annotate(rejection, response.headers_mut());
                GatedFuture::rejected(response)
            }
        }
    }
}
