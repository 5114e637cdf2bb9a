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
//! use meshless::gate::{Admission, Gate, Gated, Never, Ticket};
//! use meshless::{Failure, Outcome, Rejection, RequestHead};
//! use std::time::Duration;
//!
//! #[derive(Clone)]
//! struct Two(Arc<()>);
//!
//! struct InFlight(Arc<()>);
//!
//! impl Ticket for InFlight {
//!     fn head(&mut self, _outcome: Outcome) {}
//!     fn broken(&mut self, _failure: Failure) {}
//! }
//!
//! impl Gate for Two {
//!     type Ticket = InFlight;
//!     type Wait = Never<InFlight>;
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
//! [`And`] makes one gate of two, so that several stand before one service and pay that once; what is seen
//! from outside and by each of them is the same as with one layer for each:
//!
//! ```
//! use meshless::circuit_breaker::CircuitBreakerLayer;
//! use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
//! use meshless::gate::{And, Queued};
//! # let transport = ();
//!
//! let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(100));
//! let breaker = CircuitBreakerLayer::default();
//! let service = Queued::new(transport, And::new(limit.clone(), breaker.clone()));
//! # let _ = service;
//! // Both are handles still.
//! assert_eq!(limit.in_flight(), 0);
//! ```

mod and;
mod both;
mod future;
mod queued;
mod service;

pub use and::{And, AndWait};
pub use both::Both;
pub use future::GatedFuture;
pub(crate) use future::{guarded, kept, settle};
pub use queued::{Queued, QueuedFuture};
pub use service::Gated;

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, HeaderMap, Response};

pub use super::{Answer, WatchedBody};
use super::{Failure, Outcome, Rejection, RequestHead, ResponseHead};

/// Decides which requests go on.
///
/// Clones share one state.
pub trait Gate: Clone {
    /// What stands for a request that was let in.
    type Ticket: Ticket;
    /// A place in the queue; [`Never`] for a gate that has none.
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
    fn annotate(&self, _rejection: Rejection, _headers: &mut HeaderMap) {}
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

    fn annotate(&self, rejection: Rejection, headers: &mut HeaderMap) {
        G::annotate(self, rejection, headers);
    }
}

/// What a [`Gate`] decided about a request.
#[derive(Debug)]
pub enum Admission<T, W> {
    /// It goes on, now.
    Admitted(T),
    /// A gate inside turns it away, and those outside, which had let it in, are told so.
    Refused(T, Rejection),
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
/// Dropped before [`head`](Ticket::head), it was abandoned: the caller went away. Dropped after it,
/// the response body ended, or the caller let go of it. Either way it gives back what it holds.
pub trait Ticket {
    /// Takes note of how the attempt turned out, as soon as that is known, and once at most.
    ///
    /// That is when the response's head arrives, or for a gRPC response whose headers do not say,
    /// its trailers.
    fn head(&mut self, outcome: Outcome);

    /// Takes note that the response broke off after its head was reported.
    fn broken(&mut self, failure: Failure);

    /// Takes a look at the response's head, whoever made it, once and before
    /// [`head`](Ticket::head).
    fn inspect(&mut self, _head: ResponseHead<'_>) {}

    /// Adds headers to the response.
    fn annotate(&mut self, _headers: &mut HeaderMap) {}

    /// Adds extensions to the response.
    fn extend(&mut self, _extensions: &mut Extensions) {}

    /// Says whether it is to hear of outcomes at all; by default it is.
    ///
    /// Where it is not, neither [`head`](Ticket::head) nor [`broken`](Ticket::broken) is called, and
    /// nobody looks through headers and trailers for what they would say.
    fn hears_outcome(&self) -> bool {
        true
    }

    /// Says whether it is to be kept at all; by default it is.
    ///
    /// Where it is not, as under a policy that is off, it is dropped at once, with nothing told to it: the
    /// future and the body carry nothing to do.
    fn watches(&self) -> bool {
        true
    }

    /// Recognises the failure in an error of the inner service.
    fn recognize<E: 'static>(&self, error: &E) -> Failure {
        Failure::of(error)
    }

    /// Takes a response: [`inspect`](Ticket::inspect), then [`head`](Ticket::head) if it says how the
    /// attempt turned out, [`annotate`](Ticket::annotate), and [`extend`](Ticket::extend).
    ///
    /// Only a ticket that is made of others needs one of its own.
    fn answered<R>(&mut self, response: &mut Response<R>, outcome: Option<Outcome>) {
        self.inspect(ResponseHead::of(response));
        if let Some(outcome) = outcome
            && self.hears_outcome()
        {
            self.head(outcome);
        }
        self.annotate(response.headers_mut());
        self.extend(response.extensions_mut());
    }

    /// Takes an error of the inner service. Only a ticket that is made of others needs one of its own.
    fn failed<E: 'static>(&mut self, error: &E) {
        if self.hears_outcome() {
            let failure = self.recognize(error);
            self.head(Outcome::Failed(failure));
        }
    }

    /// Takes an error of the response's body, whose trailers would have held the outcome if it is still
    /// `undecided`. Only a ticket that is made of others needs one of its own.
    fn broke<E: 'static>(&mut self, error: &E, undecided: bool) {
        if !self.hears_outcome() {
            return;
        }
        let failure = match self.recognize(error) {
            failure @ (Failure::RequestBody | Failure::Timeout) => failure,
            _ => Failure::Body,
        };
        if undecided {
            self.head(Outcome::Failed(failure));
        } else {
            self.broken(failure);
        }
    }
}

/// The queue of a gate that has none.
#[derive(Debug)]
pub struct Never<T>(Infallible, PhantomData<fn() -> T>);

impl<T> Future for Never<T> {
    type Output = Result<T, Rejection>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0 {}
    }
}

/// A ticket that nobody waits for: it watches nothing and gives nothing back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Ticket for Unwatched {
    fn head(&mut self, _outcome: Outcome) {}

    fn broken(&mut self, _failure: Failure) {}

    fn hears_outcome(&self) -> bool {
        false
    }

    fn watches(&self) -> bool {
        false
    }
}
