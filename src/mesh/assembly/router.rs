use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::forward::{Forward, SentBody};
use super::limits::LimitsTicket;
use super::routes::Routes;
use super::stack::RouteGate;
use super::transport::MeshTransport;
use crate::BoxError;
use crate::base::gate::{Admission, Both, Gate, GatedFuture, QueuedFuture, WatchedBody, kept};
use crate::base::{Event, Rejection, RequestHead};
use crate::fault_injection::FaultGate;
use crate::traffic_split::RoutedBody;

/// Sends each request through the stack of its route.
///
/// Clones share everything. See the [module docs](crate::mesh) for an example.
pub struct Router<S, B> {
    routes: Arc<Routes<S, B>>,
}

/// The body of a response that comes through a [`Router`].
pub type RouterBody<R> = WatchedBody<RoutedBody<SentBody<R>>, Both<LimitsTicket, FaultGate>>;

impl<S, B> Router<S, B> {
    pub(super) const fn new(routes: Arc<Routes<S, B>>) -> Self {
        Self { routes }
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
    type Future = QueuedFuture<Forward<S, B>, RouteGate, B>;

    /// It is always ready.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let head = RequestHead::of(&request);
        let host = match self.routes.host(head) {
            Ok(host) => host,
            Err(rejection) => return self.reject(rejection, head),
        };
        let Some((gate, mut inner)) = host.service(head) else {
            return self.reject(Rejection::NoRoute, head);
        };
        match gate.admit(head) {
            Admission::Admitted(ticket) => QueuedFuture::call(&mut inner, request, kept(ticket)),
            other => QueuedFuture::stopped(gate, &mut inner, request, other),
        }
    }
}

impl<S, B> Router<S, B>
where
    S: MeshTransport<B>,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    #[cold]
    fn reject(
        &self,
        rejection: Rejection,
        head: RequestHead<'_>,
    ) -> QueuedFuture<Forward<S, B>, RouteGate, B> {
        let observe = &self.routes.options().observe;
        observe.event(&Event::Rejected(rejection));
        let response = rejection.into_response(head.is_grpc());
        QueuedFuture::calling(GatedFuture::rejected(response))
    }
}
