//! Write a policy of your own: one that lets requests in, or answers for itself, and hears how they
//! ended.
//!
//! The circuit breaker and the limits are made of this. A [`Gate`] decides, from a request's head;
//! a [`Ticket`] stands for what it let in. [`Gated`] is the service around both: it forwards
//! readiness, admits in `call`, reports the status as soon as it is known and keeps the ticket until
//! the response body ends, or whatever happens instead.
//!
//! # Example
//!
//! Count the requests in flight, bodies included, and let no more than two in:
//!
//! ```
//! use std::sync::Arc;
//!
//! use meshless::gate::{Admission, Gate, Gated, NoQueue, Ticket};
//! use meshless::{Failure, Outcome, Rejection, RequestHead};
//! use std::time::Duration;
//!
//! #[derive(Clone)]
//! struct Two(Arc<()>);
//!
//! struct InFlight(Arc<()>);
//!
//! impl Ticket for InFlight {
//!     fn on_outcome(&mut self, _outcome: Outcome) {}
//!     fn on_body_error(&mut self, _failure: Failure) {}
//! }
//!
//! impl Gate for Two {
//!     type Ticket = InFlight;
//!     type Wait = NoQueue<InFlight>;
//!
//!     fn admit(&self, _head: RequestHead<'_>) -> Admission<InFlight, Self::Wait> {
//!         if Arc::strong_count(&self.0) < 3 {
//!             Admission::Admitted(InFlight(Arc::clone(&self.0)))
//!         } else {
//!             Admission::Rejected(Rejection::TimedOut(Duration::ZERO))
//!         }
//!     }
//! }
//!
//! # let inner = tower::service_fn(|_: http::Request<()>| async {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
//! # });
//! let service = Gated::new(inner, Two(Arc::new(())));
//! # let _ = service;
//! ```
//!
//! # Several gates before one service
//!
//! Each layer costs the moves of a request, a future, a response and its body, whatever it decides.
//! [`GateChain`] makes one gate of two, so that several stand before one service and pay that once; what is seen
//! from outside and by each of them is the same as with one layer for each:
//!
//! ```
//! use meshless::circuit_breaker::CircuitBreakerLayer;
//! use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
//! use meshless::gate::{GateChain, Queued};
//! # let transport = ();
//!
//! let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(100));
//! let breaker = CircuitBreakerLayer::default();
//! let service = Queued::new(transport, GateChain::new(limit.clone(), breaker.clone()));
//! # let _ = service;
//! // ChainTicket are handles still.
//! assert_eq!(limit.in_flight(), 0);
//! ```

pub(crate) mod body;
mod chain;
mod chain_ticket;
mod future;
mod queued;
mod service;

pub(crate) use body::BodyWatch;
pub use body::WatchedBody;

pub use chain::{GateChain, GateChainWait};
pub use chain_ticket::ChainTicket;
pub use future::GatedFuture;
pub(crate) use future::{report_result, retain_if_active, with_panic_guard};
pub use queued::{Queued, QueuedFuture};
pub use service::Gated;

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, HeaderMap, Response};

use crate::foundation::http::{RequestHead, ResponseHead};
pub use crate::foundation::outcome::LocalReplyBody;
use crate::foundation::outcome::{Failure, Outcome, Rejection};

/// Decides which requests go on.
///
/// Clones share one state.
pub trait Gate: Clone {
    /// What stands for a request that was let in.
    type Ticket: Ticket;
    /// A place in the queue; [`NoQueue`] for a gate that has none.
    type Wait: Future<Output = Result<Self::Ticket, Rejection>>;

    /// Lets a request in, turns it away, or queues it.
    fn admit(&self, head: RequestHead<'_>) -> Admission<Self::Ticket, Self::Wait>;

    /// Goes on with a request that has waited. By default its wait was all, and it is let in.
    fn resume(
        &self,
        ticket: Self::Ticket,
        _head: RequestHead<'_>,
    ) -> Admission<Self::Ticket, Self::Wait> {
        Admission::Admitted(ticket)
    }

    /// Adds headers to the answer that turns a request away.
    fn write_headers(&self, _rejection: Rejection, _headers: &mut HeaderMap) {}
}

/// One count for all that a gate is made of: a service that is cloned for each call touches one.
impl<G: Gate> Gate for Arc<G> {
    type Ticket = G::Ticket;
    type Wait = G::Wait;

    fn admit(&self, head: RequestHead<'_>) -> Admission<Self::Ticket, Self::Wait> {
        G::admit(self, head)
    }

    fn resume(
        &self,
        ticket: Self::Ticket,
        head: RequestHead<'_>,
    ) -> Admission<Self::Ticket, Self::Wait> {
        G::resume(self, ticket, head)
    }

    fn write_headers(&self, rejection: Rejection, headers: &mut HeaderMap) {
        G::write_headers(self, rejection, headers);
    }
}

/// What a [`Gate`] decided about a request.
#[derive(Debug)]
pub enum Admission<T, W> {
    /// It goes on, now.
    Admitted(T),
    /// A gate inside turns it away, and those outside, which had let it in, are told so.
    RejectedInside(T, Rejection),
    /// It does not go on.
    Rejected(Rejection),
    /// It goes on when this is ready, unless that says otherwise.
    Waiting(W),
}

/// A request that was let in.
///
/// That it is kept to the end of the body costs every layer one more move of the response and the body
/// that is wrapped around it: some 300 of the 625 instructions that a circuit breaker adds to a call.
///
/// Dropped before [`on_outcome`](Ticket::on_outcome), it was abandoned: the caller went away. Dropped after it,
/// the response body ended, or the caller let go of it. Either way it gives back what it holds.
pub trait Ticket {
    /// Takes note of how the attempt turned out, as soon as that is known, and once at most.
    ///
    /// That is when the response's head arrives, or for a gRPC response whose headers do not say,
    /// its trailers.
    fn on_outcome(&mut self, outcome: Outcome);

    /// Takes note that the response broke off after its head was reported.
    fn on_body_error(&mut self, failure: Failure);

    /// Changes the headers of the request that was let in, before it goes on. It may do so if it
    /// [watches](Self::is_active), and not to decide anything. The default changes nothing.
    #[inline]
    fn forward(&mut self, _headers: &mut HeaderMap) {}

    /// Takes a look at the response's head, whoever made it, once and before
    /// [`on_outcome`](Ticket::on_outcome).
    fn on_response(&mut self, _head: ResponseHead<'_>) {}

    /// Adds headers to the response.
    fn write_headers(&mut self, _headers: &mut HeaderMap) {}

    /// Adds extensions to the response.
    fn write_extensions(&mut self, _extensions: &mut Extensions) {}

    /// Says whether it is to hear of outcomes at all; by default it is.
    ///
    /// Where it is not, neither [`on_outcome`](Ticket::on_outcome) nor [`on_body_error`](Ticket::on_body_error) is called, and
    /// nobody looks through headers and trailers for what they would say.
    fn wants_outcome(&self) -> bool {
        true
    }

    /// Says whether it is to be kept at all; by default it is.
    ///
    /// Where it is not, as under a policy that is off, it is dropped at once, with nothing told to it: the
    /// future and the body carry nothing to do.
    fn is_active(&self) -> bool {
        true
    }

    /// Recognises the failure in an error of the inner service.
    fn classify<E: 'static>(&self, error: &E) -> Failure {
        Failure::of(error)
    }

    /// Takes a response: [`on_response`](Ticket::on_response), then [`on_outcome`](Ticket::on_outcome) if it says how the
    /// attempt turned out, [`write_headers`](Ticket::write_headers), and [`write_extensions`](Ticket::write_extensions).
    ///
    /// Only a ticket that is made of others needs one of its own.
    fn handle_response<R>(&mut self, response: &mut Response<R>, outcome: Option<Outcome>) {
        self.on_response(ResponseHead::of(response));
        if let Some(outcome) = outcome
            && self.wants_outcome()
        {
            self.on_outcome(outcome);
        }
        self.write_headers(response.headers_mut());
        self.write_extensions(response.extensions_mut());
    }

    /// Takes an error of the inner service. Only a ticket that is made of others needs one of its own.
    fn handle_error<E: 'static>(&mut self, error: &E) {
        if self.wants_outcome() {
            let failure = self.classify(error);
            self.on_outcome(Outcome::Failed(failure));
        }
    }

    /// Takes an error of the response's body, whose trailers would have held the outcome if it is still
    /// `undecided`. Only a ticket that is made of others needs one of its own.
    fn handle_body_error<E: 'static>(&mut self, error: &E, undecided: bool) {
        if !self.wants_outcome() {
            return;
        }
        let failure = match self.classify(error) {
            failure @ (Failure::RequestBody | Failure::Timeout) => failure,
            _ => Failure::Body,
        };
        if undecided {
            self.on_outcome(Outcome::Failed(failure));
        } else {
            self.on_body_error(failure);
        }
    }
}

/// The queue of a gate that has none.
#[derive(Debug)]
pub struct NoQueue<T>(Infallible, PhantomData<fn() -> T>);

impl<T> Future for NoQueue<T> {
    type Output = Result<T, Rejection>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0 {}
    }
}

/// A ticket that nobody waits for: it watches nothing and gives nothing back.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoopTicket;

impl Ticket for NoopTicket {
    fn on_outcome(&mut self, _outcome: Outcome) {}

    fn on_body_error(&mut self, _failure: Failure) {}

    fn wants_outcome(&self) -> bool {
        false
    }

    fn is_active(&self) -> bool {
        false
    }
}
