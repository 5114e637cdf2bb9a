use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::{Body, Stack};
use crate::base::BoxError;

/// A stack of which the type is forgotten; see [`Client::boxed`](super::Client::boxed).
pub struct Boxed(Box<dyn AnyStack>);

type BoxFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

/// What is left of a [`Stack`] without its types.
trait AnyStack: Send + Sync {
    fn clone_box(&self) -> Box<dyn AnyStack>;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;
    fn call(&mut self, request: Request<Body>) -> BoxFuture;
}

impl Boxed {
    pub(super) fn new<S>(stack: S) -> Self
    where
        S: Stack + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::ResponseBody: Send + 'static,
    {
        Self(Box::new(stack))
    }
}

impl<S> AnyStack for S
where
    S: Stack + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::ResponseBody: Send + 'static,
{
    fn clone_box(&self) -> Box<dyn AnyStack> {
        Box::new(self.clone())
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Service::poll_ready(self, cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> BoxFuture {
        let future = Service::call(self, request);
        Box::pin(async move {
            match future.await {
                Ok(response) => Ok(response.map(Body::wrap)),
                Err(error) => Err(error.into()),
            }
        })
    }
}

impl Service<Request<Body>> for Boxed {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> BoxFuture {
        self.0.call(request)
    }
}

impl Clone for Boxed {
    fn clone(&self) -> Self {
        Self(self.0.clone_box())
    }
}

impl Debug for Boxed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Boxed").finish_non_exhaustive()
    }
}
