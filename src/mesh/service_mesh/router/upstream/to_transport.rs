use std::marker::PhantomData;
use std::task::{Context, Poll};

use http::{Request, Version};
use tower_service::Service;

use super::consumed;
use super::internal_headers::Withheld;
use super::mirrored_body::MirroredBody;
use super::request_body::RequestBody;
use crate::istio::config::Location;
use crate::policies::mirror::CopyBody;
use crate::policies::retry::ReplayBody;

/// Gives the tries of a request the body that transports take, and the version that they speak unless they
/// negotiate another: the caller's is that of another connection. Headers that are not for the destination end here.
#[derive(Clone, Debug)]
pub struct ToTransport<S> {
    inner: S,
    withheld: Withheld,
}

impl<S> ToTransport<S> {
    pub(in crate::mesh) const fn new(inner: S, withheld: Withheld) -> Self {
        Self { inner, withheld }
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
        let mut request = of_this_hop(request.map(RequestBody::request));
        self.withheld.take_off(request.headers_mut());
        self.inner.call(request)
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
    location: Location,
    withheld: Withheld,
    body: PhantomData<fn(B)>,
}

impl<S, B> ToMirror<S, B> {
    pub(in crate::mesh) const fn new(inner: S, location: Location, withheld: Withheld) -> Self {
        Self {
            inner,
            location,
            withheld,
            body: PhantomData,
        }
    }
}

impl<S: Clone, B> Clone for ToMirror<S, B> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.location, self.withheld)
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
        if self.location == Location::Internal {
            consumed::tell_only_try(request.headers_mut());
        }
        self.withheld.take_off(request.headers_mut());
        self.inner.call(request)
    }
}
