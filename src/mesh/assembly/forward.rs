use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::mirrors::Mirrors;
use super::reach::{Reach, Targets, ToMirror, ToTransport};
use super::transport::MeshTransport;
use crate::BoxError;
use crate::base::dice::Dice;
use crate::base::gate::{Both, WatchedBody};
use crate::base::{Event, Observe, Rejection, RequestHead};
use crate::concurrency_limit::ConcurrencyLimitGate;
use crate::load_balance::BalanceTicket;
use crate::retry::{Retry, RetryBody};
use crate::telemetry::{SpanTicket, TracedBody, TracedGate};
use crate::timeout::{Timeout, TimeoutBody};
use crate::traffic_split::{Act, Place, Prepared, RoutedBody, RoutedFuture};

/// What stands between a route and one of its destinations.
pub(super) type Sent<S, B> = Mirrors<Timeout<Retry<EachTry<S>>>, ToMirror<Reach<S>, B>>;

/// What each try goes through: its span and the destination's limit, as one, and the destination.
pub(super) type EachTry<S> = TracedGate<ToTransport<Targets<S>>, ConcurrencyLimitGate>;

/// The body of a response that comes through [`Sent`].
pub(super) type SentBody<R> =
    TimeoutBody<RetryBody<TracedBody<WatchedBody<R, BalanceTicket>, TryTicket>>>;

/// Stands for the span of a try and its place in the destination's limit.
type TryTicket = Both<SpanTicket, ConcurrencyLimitGate>;

/// Sends the requests of one route to its destinations, changed as the route says, or answers them as
/// it says.
pub struct Forward<S, B> {
    place: Place,
    shared: Arc<Shared<S, B>>,
}

pub(super) struct Shared<S, B> {
    /// `None` for a destination that nobody knows.
    pub(super) destinations: Box<[Option<Sent<S, B>>]>,
    pub(super) dice: Dice,
    pub(super) observe: Arc<dyn Observe>,
    pub(super) prepared: Arc<Prepared>,
}

impl<S, B> Forward<S, B> {
    pub(super) const fn new(place: Place, shared: Arc<Shared<S, B>>) -> Self {
        Self { place, shared }
    }

    fn refuse(&self, rejection: Rejection, request: &Request<B>) -> Response<crate::base::Answer> {
        self.shared.observe.event(&Event::Rejected(rejection));
        rejection.into_response(RequestHead::of(request).is_grpc())
    }
}

impl<S, B> Clone for Forward<S, B> {
    fn clone(&self) -> Self {
        Self::new(self.place, Arc::clone(&self.shared))
    }
}

impl<S, B> Debug for Forward<S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forward")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for Forward<S, B>
where
    S: MeshTransport<B, ResponseBody = R>,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + 'static,
{
    type Response = Response<RoutedBody<SentBody<R>>>;
    type Error = S::Error;
    type Future = RoutedFuture<<Sent<S, B> as Service<Request<B>>>::Future>;

    /// It is always ready, as each destination is.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let shared = &*self.shared;
        match shared
            .prepared
            .act(self.place, &mut request, shared.dice.roll())
        {
            Act::Answer(response) => RoutedFuture::answer(response),
            Act::Forward(destination, on_response) => {
                let destination = shared.destinations.get(destination);
                if let Some(Some(service)) = destination {
                    // It ends in what is always ready, so it need not be asked.
                    RoutedFuture::calling(service.clone().call(request), on_response)
                } else {
                    let response = self.refuse(Rejection::UnknownDestination, &request);
                    RoutedFuture::answer(response)
                }
            }
            Act::Reject(rejection) => RoutedFuture::answer(self.refuse(rejection, &request)),
        }
    }
}
