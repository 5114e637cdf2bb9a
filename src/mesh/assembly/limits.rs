use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::base::gate::{Admission, Gate, GatedFuture, Ticket, WatchedBody, kept};
use crate::base::{Answer, Failure, Outcome, RequestHead, ResponseHead};
use crate::rate_limit::{RateLimitGate, RateLimitLayer, RateLimitTicket};

/// As many rate limits as the documents set, one after another: [`RateLimit`](crate::rate_limit::RateLimit)
/// for a number of them that no type knows.
#[derive(Clone, Debug)]
pub struct Limits<S> {
    gates: Arc<[RateLimitGate]>,
    inner: S,
}

impl<S> Limits<S> {
    /// Puts limits around `inner`; none of them may have a queue.
    pub(super) const fn new(gates: Arc<[RateLimitGate]>, inner: S) -> Self {
        Self { gates, inner }
    }
}

/// Returns the gates of these layers.
pub(super) fn gates<'a>(
    layers: impl IntoIterator<Item = &'a RateLimitLayer>,
) -> Arc<[RateLimitGate]> {
    layers.into_iter().map(RateLimitLayer::gate).collect()
}

impl<S, B, R> Service<Request<B>> for Limits<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<WatchedBody<R, LimitsTicket>>;
    type Error = S::Error;
    type Future = GatedFuture<S::Future, LimitsTicket>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match admit(&*self.gates, RequestHead::of(&request)) {
            Ok(tickets) => GatedFuture::call(&mut self.inner, request, kept(tickets)),
            Err(response) => GatedFuture::rejected(*response),
        }
    }
}

/// Asks one limit after another; one that lets a request in is charged, whatever the next one says.
pub(super) fn admit<'a>(
    gates: impl IntoIterator<Item = &'a RateLimitGate>,
    head: RequestHead<'_>,
) -> Result<LimitsTicket, Box<Response<Answer>>> {
    let mut tickets = LimitsTicket::default();
    for gate in gates {
        match gate.admit(head) {
            Admission::Admitted(ticket) => tickets.add(ticket),
            Admission::Refused(_, rejection) | Admission::Rejected(rejection) => {
                let mut response = rejection.into_response(head.is_grpc());
                gate.annotate(rejection, response.headers_mut());
                return Err(Box::new(response));
            }
            Admission::Waiting(_) => unreachable!("no limit of a document has a queue"),
        }
    }
    Ok(tickets)
}

/// A request that all limits let in.
#[derive(Debug, Default)]
pub struct LimitsTicket {
    first: Option<RateLimitTicket>,
    more: Vec<RateLimitTicket>,
}

impl LimitsTicket {
    fn add(&mut self, ticket: RateLimitTicket) {
        if !ticket.watches() {
            return;
        }
        match &self.first {
            None => self.first = Some(ticket),
            Some(_) => self.more.push(ticket),
        }
    }

    fn each(&mut self, act: impl FnMut(&mut RateLimitTicket)) {
        self.first.iter_mut().chain(&mut self.more).for_each(act);
    }
}

impl Ticket for LimitsTicket {
    fn head(&mut self, _outcome: Outcome) {}

    fn broken(&mut self, _failure: Failure) {}

    fn hears_outcome(&self) -> bool {
        false
    }

    fn watches(&self) -> bool {
        self.first.is_some()
    }

    fn inspect(&mut self, head: ResponseHead<'_>) {
        self.each(|ticket| ticket.inspect(head));
    }

    fn annotate(&mut self, headers: &mut HeaderMap) {
        self.each(|ticket| ticket.annotate(headers));
    }

    fn extend(&mut self, extensions: &mut Extensions) {
        self.each(|ticket| ticket.extend(extensions));
    }
}
