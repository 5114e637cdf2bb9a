use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project::pin_project;
use tower_service::Service;

use super::destination::DestinationState;
use super::names::First;
use crate::base::Rejection;

/// Lets requests wait until the names of their destination have had an answer for the first time.
///
/// From then on it costs one load. The wait is within the timeouts of the request, and ends after as long
/// as a name server has for its answer. Who is refused for want of an endpoint hears why there is none.
#[derive(Clone, Debug)]
pub struct Resolved<S> {
    first: Option<Arc<First>>,
    inner: S,
    state: Arc<DestinationState>,
}

impl<S> Resolved<S> {
    pub(super) const fn new(
        first: Option<Arc<First>>,
        inner: S,
        state: Arc<DestinationState>,
    ) -> Self {
        Self {
            first,
            inner,
            state,
        }
    }
}

impl<S, B, R> Service<Request<B>> for Resolved<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResolvedFuture<S::Future, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let state = match self.first.as_ref().filter(|first| !first.is_over()) {
            None => State::Calling(self.inner.call(request)),
            Some(first) => {
                let first = Arc::clone(first);
                let clone = self.inner.clone();
                // The one that is ready; the clone is asked before it is called.
                let mut ready = std::mem::replace(&mut self.inner, clone);
                // Boxed: few requests come before the first answer.
                State::Waiting(Box::pin(async move {
                    first.over().await;
                    ready.call(request).await
                }))
            }
        };
        ResolvedFuture {
            destination: Arc::clone(&self.state),
            state,
        }
    }
}

/// Response future of [`Resolved`].
#[pin_project]
pub struct ResolvedFuture<F, T> {
    destination: Arc<DestinationState>,
    #[pin]
    state: State<F, T>,
}

#[pin_project(project = StateProj)]
enum State<F, T> {
    Calling(#[pin] F),
    Waiting(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<F, R, E> Future for ResolvedFuture<F, Result<Response<R>, E>>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut result = ready!(match this.state.project() {
            StateProj::Calling(inner) => inner.poll(cx),
            StateProj::Waiting(inner) => inner.as_mut().poll(cx),
        });
        if let Ok(response) = &mut result
            && Rejection::of(response) == Some(&Rejection::NoHealthyUpstream)
            && let Some(cause) = this.destination.cause()
        {
            response.extensions_mut().insert(cause);
        }
        Poll::Ready(result)
    }
}

impl<F, T> Debug for ResolvedFuture<F, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Calling(_) => "Calling",
            State::Waiting(_) => "Waiting",
        };
        f.debug_struct("ResolvedFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
