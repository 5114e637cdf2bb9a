use std::marker::PhantomData;
use std::task::{Context, Poll};

use http::{Request, Version};
use tower_service::Service;

use super::consumed;
use super::mirrored_body::MirroredBody;
use super::request_body::RequestBody;
use crate::policies::mirror::CopyBody;
use crate::policies::retry::ReplayBody;

/// Gives the tries of a request the body that transports take, and the version that they speak unless they
/// negotiate another: the caller's is that of another connection.
#[derive(Clone, Debug)]
pub struct ToTransport<S> {
    inner: S,
}

impl<S> ToTransport<S> {
    pub(in crate::mesh) const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B> Service<Request<ReplayBody<MirroredBody<B>>>> for ToTransport<S>
where
    S: Service<Request<RequestBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReplayBody<MirroredBody<B>>>) -> Self::Future {
        self.inner
            .call(of_this_hop(request.map(RequestBody::request)))
    }
}

fn of_this_hop<B>(mut request: Request<B>) -> Request<B> {
    // HTTP/3 is a wish that reqwest fulfils; the others it takes for what the connection must be.
    if request.version() != Version::HTTP_3 {
        *request.version_mut() = Version::HTTP_11;
    }
    request
}

/// Gives copies of requests the body that transports take.
#[derive(Debug)]
pub struct ToMirror<S, B> {
    inner: S,
    body: PhantomData<fn(B)>,
}

impl<S, B> ToMirror<S, B> {
    pub(in crate::mesh) const fn new(inner: S) -> Self {
        Self {
            inner,
            body: PhantomData,
        }
    }
}

impl<S: Clone, B> Clone for ToMirror<S, B> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone())
    }
}

impl<S, B> Service<Request<CopyBody>> for ToMirror<S, B>
where
    S: Service<Request<RequestBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<CopyBody>) -> Self::Future {
        let mut request = of_this_hop(request.map(RequestBody::copy));
        // A copy is made before the tries are counted, and is never tried again.
        consumed::tell_only_try(request.headers_mut());
        self.inner.call(request)
    }
}
