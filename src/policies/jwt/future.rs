use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http::Request;
use pin_project::pin_project;
use tower_service::Service;

use super::shared::Shared;
use super::source::Waiting;

/// Response future of [`Authenticate`](super::Authenticate).
#[pin_project]
pub struct AuthenticateFuture<S: Service<Request<B>>, B> {
    #[pin]
    state: State<S, B>,
}

#[pin_project(project = StateProj)]
enum State<S: Service<Request<B>>, B> {
    Calling(#[pin] S::Future),
    // Boxed: only a call that waits for keys pays for it.
    Waiting(Option<Box<WaitingCall<S, B>>>),
}

/// A call that waits for keys.
pub(super) struct WaitingCall<S, B> {
    inner: S,
    request: Request<B>,
    shared: Arc<Shared>,
    /// The sources for whose keys it waits or has waited.
    sources: Vec<u64>,
    /// Never locked: it makes the call `Sync`.
    waiting: Mutex<Waiting>,
}

impl<S, B> WaitingCall<S, B> {
    pub(super) fn new(
        inner: S,
        request: Request<B>,
        shared: Arc<Shared>,
        waiting: Waiting,
        source: u64,
    ) -> Self {
        Self {
            inner,
            request,
            shared,
            sources: vec![source],
            waiting: Mutex::new(waiting),
        }
    }

    /// Waits, once for each source at most, until the request is decided.
    fn poll_decided(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(unlocked(&mut self.waiting).as_mut().poll(cx));
            // The policy may be another one by now: that one holds.
            let again = self.shared.authenticate(&mut self.request, &self.sources);
            let Some((waiting, source)) = again else {
                return Poll::Ready(());
            };
            self.waiting = Mutex::new(waiting);
            self.sources.push(source);
        }
    }
}

fn unlocked(waiting: &mut Mutex<Waiting>) -> &mut Waiting {
    waiting.get_mut().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Service<Request<B>>, B> AuthenticateFuture<S, B> {
    #[inline]
    pub(super) const fn calling(inner: S::Future) -> Self {
        Self {
            state: State::Calling(inner),
        }
    }

    #[cold]
    pub(super) fn waiting(call: WaitingCall<S, B>) -> Self {
        Self {
            state: State::Waiting(Some(Box::new(call))),
        }
    }
}

impl<S, B, R, E> Future for AuthenticateFuture<S, B>
where
    S: Service<Request<B>, Response = R, Error = E>,
{
    type Output = Result<R, E>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let StateProj::Waiting(call) = self.as_mut().project().state.project() {
            let waiting = call.as_mut().expect("not polled after completion");
            ready!(waiting.poll_decided(cx));
            let call = call.take().expect("there a moment ago");
            let WaitingCall {
                mut inner, request, ..
            } = *call;
            let calling = State::Calling(inner.call(request));
            self.as_mut().project().state.set(calling);
        }
        match self.project().state.project() {
            StateProj::Calling(inner) => inner.poll(cx),
            StateProj::Waiting(_) => unreachable!("replaced above"),
        }
    }
}

impl<S: Service<Request<B>>, B> Debug for AuthenticateFuture<S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateFuture")
            .field("waiting", &matches!(self.state, State::Waiting(_)))
            .finish_non_exhaustive()
    }
}
