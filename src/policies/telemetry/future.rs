use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::context::current::Scope;
use super::{Instrumented, TracedBody};
use crate::foundation::admission::{Gate, GatedFuture, QueuedFuture, Ticket};

/// Response future of [`Traced`](super::Traced) and [`TracedGate`](super::TracedGate): polls the
/// inner future `F` inside its trace.
#[pin_project]
#[derive(Debug)]
pub struct TracedFuture<F> {
    #[pin]
    inner: Instrumented<F>,
    writes_request_id: bool,
}

impl<F> TracedFuture<F> {
    #[inline]
    pub(super) const fn new(inner: F, scope: Scope, writes_request_id: bool) -> Self {
        Self {
            inner: Instrumented::new(inner, scope),
            writes_request_id,
        }
    }
}

impl<F, T, R, E> Future for TracedFuture<GatedFuture<F, T>>
where
    F: Future<Output = Result<Response<R>, E>>,
    T: Ticket,
    R: Body<Data = Bytes>,
    E: 'static,
{
    type Output = Result<Response<TracedBody<R, T>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_with(|inner| inner.poll_map(cx, TracedBody::without_scope))
    }
}

impl<S, G, B, R> Future for TracedFuture<QueuedFuture<S, G, B>>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: 'static,
    G: Gate,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<TracedBody<R, G::Ticket>>, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_with(|inner| inner.poll_map(cx, TracedBody::without_scope))
    }
}

impl<F> TracedFuture<F> {
    /// Polls with `poll` inside the trace, and passes the scope on to the body of the response.
    #[inline]
    fn poll_with<R, T, E>(
        self: Pin<&mut Self>,
        poll: impl FnOnce(Pin<&mut F>) -> Poll<Result<Response<TracedBody<R, T>>, E>>,
    ) -> Poll<Result<Response<TracedBody<R, T>>, E>> {
        let this = self.project();
        let mut inner = this.inner;
        let mut polled = inner.as_mut().poll_until_done(poll);
        if let Poll::Ready(result) = &mut polled {
            // The future is done and dropped; its scope moves on to the body.
            let scope = inner.take_scope();
            if let Ok(response) = result {
                if *this.writes_request_id {
                    scope.write_request_id(response.headers_mut());
                }
                response.body_mut().set_scope(scope);
            }
        }
        polled
    }
}
