use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::retry::{Known, ReplayBody, Retry};
use crate::timeout::Limits;

/// What an [`Entrance`](super::Entrance) hands to what is inside.
#[derive(Clone, Copy, Debug)]
pub struct Handed<'a>(pub(super) Option<&'a Limits>);

/// How an [`Entrance`](super::Entrance) calls what is inside.
pub trait Handing<S: Service<Request<B>>, B> {
    /// Calls `inner`.
    fn call(inner: &mut S, request: Request<B>, handed: Handed<'_>) -> S::Future;
}

/// Calls as any caller does.
#[derive(Clone, Copy, Debug)]
pub struct Plainly;

impl<S: Service<Request<B>>, B> Handing<S, B> for Plainly {
    #[inline]
    fn call(inner: &mut S, request: Request<B>, _handed: Handed<'_>) -> S::Future {
        inner.call(request)
    }
}

/// Calls a [`Retry`], and hands it what was read and told a moment ago: the clock, and the deadline.
#[derive(Clone, Copy, Debug)]
pub struct ToRetry;

impl<S, B, R> Handing<Retry<S>, B> for ToRetry
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
        handed: Handed<'_>,
    ) -> <Retry<S> as Service<Request<B>>>::Future {
        let known = handed.0.map_or_else(Known::default, |limits| Known {
            now: limits.begun(),
            told: limits.is_told(),
        });
        inner.call_known(request, known)
    }
}
