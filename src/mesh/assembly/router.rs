use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::forward::SentBody;
use super::limits::LimitsTicket;
use super::routes::Routes;
use super::stack::RouteService;
use super::transport::MeshTransport;
use crate::BoxError;
use crate::base::gate::WatchedBody;
use crate::base::{Event, RequestHead};
use crate::fault_injection::FaultTicket;
use crate::traffic_split::{OnResponse, RoutedBody, RoutedFuture};

/// Sends each request through the stack of its route.
///
/// Clones share everything. See the [module docs](crate::mesh) for an example.
pub struct Router<S, B> {
    routes: Arc<Routes<S, B>>,
}

/// The body of a response that comes through a [`Router`].
pub type RouterBody<R> =
    RoutedBody<WatchedBody<WatchedBody<RoutedBody<SentBody<R>>, FaultTicket>, LimitsTicket>>;

impl<S, B> Router<S, B> {
    pub(super) fn new(routes: Routes<S, B>) -> Self {
        Self {
            routes: Arc::new(routes),
        }
    }
}

impl<S, B> Clone for Router<S, B> {
    fn clone(&self) -> Self {
        Self {
            routes: Arc::clone(&self.routes),
        }
    }
}

impl<S, B> Debug for Router<S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for Router<S, B>
where
    S: MeshTransport<B, ResponseBody = R>,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + 'static,
{
    type Response = Response<RouterBody<R>>;
    type Error = S::Error;
    type Future = RoutedFuture<<RouteService<S, B> as Service<Request<B>>>::Future>;

    /// It is always ready.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let head = RequestHead::of(&request);
        match self.routes.service(head) {
            // A route's stack ends in what is always ready, so it need not be asked.
            Ok(mut service) => RoutedFuture::calling(service.call(request), OnResponse::default()),
            Err(rejection) => {
                let observe = &self.routes.options().observe;
                observe.event(&Event::Rejected(rejection));
                RoutedFuture::answer(rejection.into_response(head.is_grpc()))
            }
        }
    }
}
