use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project::pin_project;

use super::context::current::Scope;
use super::{Instrumented, TracedBody};
use crate::foundation::admission::WatchedBody;

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

impl<F, T, R, E> Future for TracedFuture<F>
where
    F: Future<Output = Result<Response<WatchedBody<R, T>>, E>>,
{
    type Output = Result<Response<TracedBody<R, T>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut inner = this.inner;
        let mut polled = inner.as_mut().poll_until_done(|inner| inner.poll(cx));
        let Poll::Ready(result) = &mut polled else {
            return Poll::Pending;
        };
        // The future is done and dropped; its scope moves on to the body.
        let scope = inner.take_scope();
        if *this.writes_request_id
            && let Ok(response) = result
        {
            scope.write_request_id(response.headers_mut());
        }
        polled.map_ok(|response| response.map(|body| TracedBody::new(body, scope)))
    }
}
