use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project::pin_project;
use tower_service::Service;

use super::subscription::FirstResolution;
use crate::foundation::outcome::Rejection;
use crate::mesh::service_mesh::cluster::state::ClusterState;

/// Delays requests until the first resolution of all names of their cluster.
///
/// Later requests pay one atomic load. The wait counts against the timeouts of the request, and ends at the latest
/// with the DNS timeout. A 503 `no healthy upstream` carries the known [`Cause`](crate::outcome::Cause).
#[derive(Clone, Debug)]
pub struct WaitForDns<S> {
    first: Option<Arc<FirstResolution>>,
    inner: S,
    state: Arc<ClusterState>,
}

impl<S> WaitForDns<S> {
    pub(in crate::mesh) const fn new(
        first: Option<Arc<FirstResolution>>,
        inner: S,
        state: Arc<ClusterState>,
    ) -> Self {
        Self {
            first,
            inner,
            state,
        }
    }
}

impl<S, B, R> Service<Request<B>> for WaitForDns<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = WaitForDnsFuture<S::Future, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(first) = self.first.as_ref().filter(|first| !first.is_complete()) else {
            // The inner future first: it is made where it will lie if there is nothing to drop
            // should `inner` panic.
            return WaitForDnsFuture {
                state: State::Calling(self.inner.call(request)),
                destination: Arc::clone(&self.state),
            };
        };
        let first = Arc::clone(first);
        let clone = self.inner.clone();
        // This instance was polled ready; the clone was not.
        let mut ready = std::mem::replace(&mut self.inner, clone);
        WaitForDnsFuture {
            // Boxed: few requests arrive before the first answer.
            state: State::Waiting(Box::pin(async move {
                first.wait().await;
                ready.call(request).await
            })),
            destination: Arc::clone(&self.state),
        }
    }
}

/// Response future of [`WaitForDns`].
#[pin_project]
pub struct WaitForDnsFuture<F, T> {
    destination: Arc<ClusterState>,
    #[pin]
    state: State<F, T>,
}

#[pin_project(project = StateProj)]
enum State<F, T> {
    Calling(#[pin] F),
    Waiting(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<F, R, E> Future for WaitForDnsFuture<F, Result<Response<R>, E>>
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

impl<F, T> Debug for WaitForDnsFuture<F, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Calling(_) => "Calling",
            State::Waiting(_) => "Waiting",
        };
        f.debug_struct("WaitForDnsFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
