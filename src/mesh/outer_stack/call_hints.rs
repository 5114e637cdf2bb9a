use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::policies::retry::{ReplayBody, Retry, RetryHints};
use crate::policies::timeout::CallLimits;

/// Values that an [`OuterStack`](super::OuterStack) passes to its inner service.
#[derive(Clone, Copy, Debug)]
pub struct CallHints<'a>(pub(super) Option<&'a CallLimits>);

/// Strategy by which an [`OuterStack`](super::OuterStack) calls its inner service.
pub trait CallInner<S: Service<Request<B>>, B> {
    /// Calls `inner`.
    fn call(inner: &mut S, request: Request<B>, hints: CallHints<'_>) -> S::Future;
}

/// Plain call, without hints.
#[derive(Clone, Copy, Debug)]
pub struct Direct;

impl<S: Service<Request<B>>, B> CallInner<S, B> for Direct {
    #[inline]
    fn call(inner: &mut S, request: Request<B>, _handed: CallHints<'_>) -> S::Future {
        inner.call(request)
    }
}

/// Call of a [`Retry`] with the clock reading and the deadline that the outer stack already has.
#[derive(Clone, Copy, Debug)]
pub struct WithRetryHints;

impl<S, B, R> CallInner<Retry<S>, B> for WithRetryHints
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    S::Error: 'static,
    B: Body,
    R: Body<Data = bytes::Bytes>,
{
    #[inline]
    fn call(
        inner: &mut Retry<S>,
        request: Request<B>,
        hints: CallHints<'_>,
    ) -> <Retry<S> as Service<Request<B>>>::Future {
        let known = hints
            .0
            .map_or_else(RetryHints::default, |limits| RetryHints {
                now: limits.begun(),
                deadline_written: limits.is_in_headers(),
                envoy_written: limits.is_in_envoy_headers(),
            });
        inner.call_with_hints(request, known)
    }
}
