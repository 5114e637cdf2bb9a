use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project::pin_project;

use crate::foundation::outcome::Rejection;
use crate::policies::traffic_split::ResponseActions;

/// Response future of a route's limits and faults, which adds the route's headers to their replies.
#[pin_project]
#[derive(Debug)]
pub struct LocalReply<F> {
    #[pin]
    inner: F,
    /// Boxed: few requests are rejected, and fewer of those on a route with header changes.
    on_response: Option<Box<ResponseActions>>,
}

impl<F> LocalReply<F> {
    #[inline]
    pub(in crate::mesh) const fn none(inner: F) -> Self {
        Self::new(inner, None)
    }

    pub(in crate::mesh) const fn new(inner: F, on_response: Option<Box<ResponseActions>>) -> Self {
        Self { inner, on_response }
    }
}

impl<F, R, E> Future for LocalReply<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(on_response) = this.on_response else {
            return this.inner.poll(cx);
        };
        let mut result = ready!(this.inner.poll(cx));
        if let Ok(response) = &mut result {
            finalize(on_response, response);
        }
        Poll::Ready(result)
    }
}

/// Changes a reply of the limits and the faults. A response to a delayed request comes from the route, which has
/// set its headers already.
#[cold]
fn finalize<R>(on_response: &ResponseActions, response: &mut Response<R>) {
    if let Some(Rejection::FaultInjected { .. } | Rejection::RateLimited(_)) =
        Rejection::of(response)
    {
        on_response.apply(response.headers_mut());
    }
}
