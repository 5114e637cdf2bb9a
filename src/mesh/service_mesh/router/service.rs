use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::route::local_reply::LocalReply;
use super::route::route_service::{DestinationBody, RouteService};
use super::route::virtual_host_stack::RouteGate;
use super::router_state::RouterState;
use crate::foundation::admission::{
    Admission, Gate, GatedFuture, QueuedFuture, WatchedBody, forward,
};
use crate::foundation::events::request::record::RequestRecord;
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::{authority, split_port};
use crate::foundation::outcome::BoxError;
use crate::foundation::outcome::{LocalReplyBody, Rejection, Source};
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::mesh::service_mesh::router::upstream::mesh_transport::MeshTransport;
use crate::policies::traffic_split::RoutedBody;

/// Service that sends each request through the stack of its route.
///
/// Clones share all state. See the [module docs](crate::mesh) for an example.
pub struct Router<S, B> {
    routes: Arc<RouterState<S, B>>,
}

/// Body of a response from a [`Router`].
pub(in crate::mesh) type RouterBody<R> =
    WatchedBody<RoutedBody<DestinationBody<R>>, <RouteGate as Gate>::Ticket>;

impl<S, B> Router<S, B> {
    pub(in crate::mesh) const fn new(routes: Arc<RouterState<S, B>>) -> Self {
        Self { routes }
    }

    pub(in crate::mesh) fn proxy(&self) -> &Proxy {
        self.routes.proxy()
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
    type Future = LocalReply<QueuedFuture<RouteService<S, B>, RouteGate, B>>;

    /// Always returns ready.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let head = RequestHead::of(&request);
        let host = match self.routes.host(head) {
            Ok(host) => host,
            Err(rejection) => return self.reject(rejection, head),
        };
        let Some((gate, mut inner)) = host.service(head) else {
            return self.reject(Rejection::NoRoute, head);
        };
        match gate.admit(head) {
            Admission::Admitted(ticket) => {
                let ticket = forward(ticket, request.headers_mut());
                LocalReply::none(QueuedFuture::call(&mut inner, request, ticket))
            }
            other => {
                inner.note_source();
                let on_response = inner.on_local_reply(head);
                let stopped = QueuedFuture::not_admitted(gate, &mut inner, request, other);
                LocalReply::new(stopped, on_response)
            }
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
    ) -> LocalReply<QueuedFuture<RouteService<S, B>, RouteGate, B>> {
        let response = self.local_reply(rejection, head);
        LocalReply::none(QueuedFuture::calling(GatedFuture::rejected(response)))
    }
}

impl<S: Clone + Send + Sync + 'static, B> Router<S, B> {
    /// Rejects a request, with the header changes of its route on the reply.
    #[cold]
    pub(in crate::mesh) fn refuse(
        &self,
        rejection: Rejection,
        head: RequestHead<'_>,
    ) -> Response<LocalReplyBody> {
        let mut response = self.local_reply(rejection, head);
        let host = self.routes.host(head).ok();
        let route = host.as_ref().and_then(|host| host.service(head));
        if let Some(reply) = route.and_then(|(_, forward)| forward.on_local_reply(head)) {
            reply.apply(response.headers_mut());
        }
        response
    }
}

impl<S: Clone + Send + Sync + 'static, B> Router<S, B> {
    /// Reports and answers a request without a route.
    #[cold]
    fn local_reply(&self, rejection: Rejection, head: RequestHead<'_>) -> Response<LocalReplyBody> {
        let emitter = self.routes.emitter();
        let (host, _) = split_port(authority(&head));
        let source = Arc::new(Source::clone(&emitter.source()).with_host(host));
        RequestRecord::note_source(|| Arc::clone(&source));
        emitter.reject_from(&source, rejection, head.is_grpc())
    }
}
