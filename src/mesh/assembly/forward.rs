use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::answering::{Answering, Caller};
use super::consumed;
use super::mirrors::Mirrors;
use super::reach::{Reach, Targets, ToMirror, ToTransport};
use super::transport::MeshTransport;
use crate::BoxError;
use crate::base::dice::Dice;
use crate::base::gate::{Both, WatchedBody};
use crate::base::{Answer, Event, Observe, Rejection, RequestHead};
use crate::concurrency_limit::ConcurrencyLimitGate;
use crate::load_balance::BalanceTicket;
use crate::retry::{Retry, RetryBody};
use crate::telemetry::{SpanTicket, TracedBody, TracedGate};
use crate::timeout::{Timeout, TimeoutBody};
use crate::traffic_split::{Act, OnResponse, Place, Prepared, RoutedBody, RoutedFuture};

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
    /// Whether an upstream that gives no answer is answered for.
    pub(super) answers: bool,
    /// `None` for a destination that nobody knows.
    pub(super) destinations: Box<[Option<Sent<S, B>>]>,
    pub(super) dice: Dice,
    /// Whether no document names the host, so that nothing of a request is changed.
    pub(super) is_unnamed: bool,
    /// Whether nothing behind it counts the tries.
    pub(super) is_tried_once: bool,
    pub(super) observe: Arc<dyn Observe>,
    pub(super) prepared: Arc<Prepared>,
}

impl<S, B> Forward<S, B> {
    pub(super) const fn new(place: Place, shared: Arc<Shared<S, B>>) -> Self {
        Self { place, shared }
    }

    /// Returns what is done to an answer that is given in place of an upstream's.
    #[cold]
    pub(super) fn on_local_reply(&self, head: RequestHead<'_>) -> Option<Box<OnResponse>> {
        let shared = &*self.shared;
        let reply = shared
            .prepared
            .local_reply(self.place, head, || shared.dice.roll());
        reply.map(Box::new)
    }

    #[cold]
    fn refuse(&self, rejection: Rejection, request: &Request<B>) -> Response<Answer> {
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
    type Future = RoutedFuture<Answering<<Sent<S, B> as Service<Request<B>>>::Future>>;

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
                    let caller = Caller::of(shared.answers, &request);
                    if !shared.is_unnamed {
                        consumed::take_off(request.headers_mut());
                        if shared.is_tried_once {
                            consumed::tell_only_try(request.headers_mut());
                        }
                    }
                    // It ends in what is always ready, so it need not be asked.
                    let inner = Answering::new(service.clone().call(request), caller);
                    RoutedFuture::calling(inner, on_response)
                } else {
                    let mut response = self.refuse(Rejection::UnknownDestination, &request);
                    on_response.apply(response.headers_mut());
                    RoutedFuture::answer(response)
                }
            }
            Act::Reject(rejection) => RoutedFuture::answer(self.refuse(rejection, &request)),
        }
    }
}
