use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::foundation::outcome::BoxError;
use crate::transport::client::{Body, HttpService};

/// A type-erased [`HttpService`]; see [`Client::boxed`](crate::transport::client::Client::boxed).
pub struct BoxHttpService(Box<dyn DynHttpService>);

type BoxFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

/// Object-safe form of [`HttpService`], with the body, error and future types erased.
trait DynHttpService: Send + Sync {
    fn clone_box(&self) -> Box<dyn DynHttpService>;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;
    fn call(&mut self, request: Request<Body>) -> BoxFuture;
}

impl BoxHttpService {
    pub(in crate::transport::client) fn new<S>(stack: S) -> Self
    where
        S: HttpService + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::ResponseBody: Send + 'static,
    {
        Self(Box::new(stack))
    }
}

impl<S> DynHttpService for S
where
    S: HttpService + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::ResponseBody: Send + 'static,
{
    fn clone_box(&self) -> Box<dyn DynHttpService> {
        Box::new(self.clone())
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Service::poll_ready(self, cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> BoxFuture {
        let future = Service::call(self, request);
        // First allocation of two; the second is the body's.
        Box::pin(async move {
            match future.await {
                Ok(response) => Ok(response.map(Body::wrap)),
                Err(error) => Err(error.into()),
            }
        })
    }
}

impl Service<Request<Body>> for BoxHttpService {
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

impl Clone for BoxHttpService {
    fn clone(&self) -> Self {
        Self(self.0.clone_box())
    }
}

impl Debug for BoxHttpService {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxHttpService").finish_non_exhaustive()
    }
}
