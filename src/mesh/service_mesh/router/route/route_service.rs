use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::answering::{Answering, Caller};
use super::mirrors::Mirrors;
use crate::foundation::admission::{ChainTicket, WatchedBody};
use crate::foundation::endpoints::attempt_number::AttemptNumber;
use crate::foundation::events::Emitter;
use crate::foundation::events::request::record::RequestRecord;
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::BoxError;
use crate::foundation::outcome::{LocalReplyBody, Rejection, Source};
use crate::foundation::sync::rng::Rng;
use crate::istio::config::Location;
use crate::mesh::service_mesh::cluster::service::{BalancedEndpoints, LimitedCluster};
use crate::mesh::service_mesh::router::upstream::consumed;
use crate::mesh::service_mesh::router::upstream::mesh_transport::MeshTransport;
use crate::mesh::service_mesh::router::upstream::to_transport::{ToMirror, ToTransport};
use crate::policies::concurrency_limit::ConcurrencyLimitGate;
use crate::policies::load_balance::BalanceTicket;
use crate::policies::retry::{Retry, RetryBody};
use crate::policies::telemetry::{SpanTicket, TracedBody, TracedGate};
use crate::policies::timeout::{Timeout, TimeoutBody};
use crate::policies::traffic_split::{
    CompiledRoutes, ResponseActions, RouteAction, RouteIndex, RoutedBody, RoutedFuture,
};

/// Stack between a route and one of its destinations.
pub(in crate::mesh) type DestinationStack<S, B> =
    Mirrors<Timeout<Retry<AttemptStack<S>>>, ToMirror<LimitedCluster<S>, B>>;

/// Stack of each attempt: its span and the cluster's concurrency limit, as one gate, and the endpoints.
pub(in crate::mesh) type AttemptStack<S> =
    TracedGate<ToTransport<BalancedEndpoints<S>>, ConcurrencyLimitGate>;

/// Body of a response from [`DestinationStack`].
pub(in crate::mesh) type DestinationBody<R> =
    TimeoutBody<RetryBody<TracedBody<WatchedBody<R, BalanceTicket>, AttemptTicket>>>;

/// Ticket of an attempt: its span, and its permit of the cluster's concurrency limit.
type AttemptTicket = ChainTicket<SpanTicket, ConcurrencyLimitGate>;

/// Service of one route: applies the route's changes and forwards to its destinations, or answers with the route's
/// direct response.
pub struct RouteService<S, B> {
    index: RouteIndex,
    shared: Arc<Shared<S, B>>,
}

pub(in crate::mesh) struct Shared<S, B> {
    /// True at a gateway, where a local reply replaces an upstream failure.
    pub(in crate::mesh) answers: bool,
    pub(in crate::mesh) destinations: Box<[RouteDestination<S, B>]>,
    pub(in crate::mesh) emitter: Emitter,
    pub(in crate::mesh) rng: Rng,
    /// True if no document names the host, so that its requests pass unchanged.
    pub(in crate::mesh) is_unnamed: bool,
    /// True if the retry makes a single attempt without a per-try timeout, and so writes no attempt count.
    pub(in crate::mesh) is_tried_once: bool,
    pub(in crate::mesh) routes: Arc<CompiledRoutes>,
}

/// Destination of a route.
pub(in crate::mesh) struct RouteDestination<S, B> {
    pub(in crate::mesh) location: Location,
    pub(in crate::mesh) source: Arc<Source>,
    /// Stack of the destination; `None` if the destination is unknown.
    pub(in crate::mesh) stack: Option<DestinationStack<S, B>>,
}

impl<S, B> RouteService<S, B> {
    pub(in crate::mesh) const fn new(place: RouteIndex, shared: Arc<Shared<S, B>>) -> Self {
        Self {
            index: place,
            shared,
        }
    }

    /// Returns the route's header changes for a local reply.
    #[cold]
    pub(in crate::mesh) fn on_local_reply(
        &self,
        head: RequestHead<'_>,
    ) -> Option<Box<ResponseActions>> {
        let shared = &*self.shared;
        let reply = shared
            .routes
            .local_reply(self.index, head, || shared.rng.next_u64());
        reply.map(Box::new)
    }

    /// Notes the source of the route for the request that runs here.
    pub(in crate::mesh) fn note_source(&self) {
        RequestRecord::note_source(|| self.shared.emitter.source());
    }

    #[cold]
    fn reject(
        &self,
        source: &Arc<Source>,
        rejection: Rejection,
        request: &Request<B>,
    ) -> Response<LocalReplyBody> {
        RequestRecord::note_source(|| Arc::clone(source));
        let is_grpc = RequestHead::of(request).is_grpc();
        self.shared.emitter.reject_from(source, rejection, is_grpc)
    }
}

/// Calls a destination, then takes the changes to its response, which the caller held meanwhile.
///
/// A function of its own that has nothing to drop if `destination` panics, as `GatedFuture::called`: the inner future
/// is hundreds of bytes of several layers.
fn forward<S: Service<Request<B>>, B>(
    destination: &mut S,
    request: Request<B>,
    caller: Caller,
    on_response: &mut ResponseActions,
) -> RoutedFuture<Answering<S::Future>> {
    let inner = Answering::new(destination.call(request), caller);
    RoutedFuture::calling(inner, std::mem::take(on_response))
}

impl<S, B> Clone for RouteService<S, B> {
    fn clone(&self) -> Self {
        Self::new(self.index, Arc::clone(&self.shared))
    }
}

impl<S, B> Debug for RouteService<S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteService")
            .field("place", &self.index)
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for RouteService<S, B>
where
    S: MeshTransport<B, ResponseBody = R>,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + 'static,
{
    type Response = Response<RoutedBody<DestinationBody<R>>>;
    type Error = S::Error;
    type Future = RoutedFuture<Answering<<DestinationStack<S, B> as Service<Request<B>>>::Future>>;

    /// Always returns ready, as each destination does.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let shared = &*self.shared;
        match shared
            .routes
            .apply(self.index, &mut request, shared.rng.next_u64())
        {
            RouteAction::LocalReply(mut response) => {
                self.note_source();
                shared.emitter.write_source(response.extensions_mut());
                RoutedFuture::local_reply(response)
            }
            RouteAction::Forward(destination, mut on_response) => {
                let destination = shared.destinations.get(destination);
                if let Some(RouteDestination {
                    location,
                    source,
                    stack: Some(service),
                }) = destination
                {
                    RequestRecord::note_source(|| Arc::clone(source));
                    RequestRecord::note_request_body(|| request.body().size_hint().exact());
                    let caller = Caller::of(shared.answers, &request, source);
                    if !shared.is_unnamed {
                        consumed::take_off(request.headers_mut());
                        if shared.is_tried_once && *location == Location::Internal {
                            consumed::tell_only_try(request.headers_mut());
                        }
                    }
                    let _number = shared.is_tried_once.then(|| AttemptNumber::enter(1));
                    // The clone ends in a transport that is always ready, so it needs no `poll_ready`.
                    forward(&mut service.clone(), request, caller, &mut on_response)
                } else {
                    let source = destination.map_or_else(
                        || shared.emitter.source(),
                        |unknown| Arc::clone(&unknown.source),
                    );
                    let rejection = Rejection::UnknownDestination;
                    let mut response = self.reject(&source, rejection, &request);
                    on_response.apply(response.headers_mut());
                    RoutedFuture::local_reply(response)
                }
            }
            RouteAction::Reject(rejection) => {
                let source = shared.emitter.source();
                RoutedFuture::local_reply(self.reject(&source, rejection, &request))
            }
        }
    }
}
