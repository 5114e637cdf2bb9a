//! Custom policies: admit requests or answer them locally, and observe their outcomes.
//!
//! The circuit breaker and the limits are built on this. A [`Gate`] decides by a request's head; a
//! [`Ticket`] represents a request that it admitted. [`Gated`] is the service around both: it
//! forwards readiness, admits in `call`, reports the status as soon as it is known, and holds the
//! ticket until the response body ends, the call fails, or the caller drops it.
//!
//! # Example
//!
//! Count the requests in flight, bodies included, and admit at most two:
//!
//! ```
//! use std::sync::Arc;
//!
//! use meshless::gate::{Admission, Gate, Gated, NoQueue, Ticket};
//! use meshless::{Failure, Outcome, Rejection};
//! use meshless::gate::RequestHead;
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
//! Each layer moves the request, the future, the response and its body once more, whatever it
//! decides. [`GateChain`] fuses two gates into one, so that several gates before one service pay
//! for those moves once; callers and gates observe the same as with one layer for each:
//!
//! ```
//! use meshless::circuit_breaker::CircuitBreakerLayer;
//! use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
//! use meshless::gate::{GateChain, Queued};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), std::convert::Infallible> {
//! # let transport = tower::service_fn(|_: http::Request<()>| async {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::new(bytes::Bytes::from("rows"))))
//! # });
//! let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(100));
//! let breaker = CircuitBreakerLayer::default();
//! // The limit is the outer one: a request that it rejects never reaches the breaker.
//! let gates = GateChain::new(limit.gate(), breaker.gate());
//! let service = Queued::new(transport, gates);
//!
//! let response = service.oneshot(http::Request::new(())).await?;
//! // The layers remain handles on their state: the request is in flight until its body ends.
//! assert_eq!(limit.in_flight(), 1);
//! drop(response);
//! assert_eq!(limit.in_flight(), 0);
//! # Ok(())
//! # }
//! ```

pub(crate) mod body;
mod chain;
mod chain_ticket;
mod future;
mod queued;
mod service;
mod shared_gate;

pub(crate) use body::BodyWatch;
pub use body::WatchedBody;

pub use chain::{GateChain, GateChainWait};
pub use chain_ticket::ChainTicket;
pub use future::GatedFuture;
pub(crate) use future::{
    ReplyText, forward, forward_by, report_result, retain_if_active, with_panic_guard,
};
pub use queued::{Queued, QueuedFuture};
pub use service::Gated;
pub use shared_gate::SharedGate;

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, HeaderMap, Response};

pub use crate::foundation::http::{RequestHead, ResponseHead};
pub use crate::foundation::outcome::LocalReplyBody;
use crate::foundation::outcome::{Failure, Outcome, Rejection};

/// Decides which requests are admitted.
///
/// Clones share one state.
pub trait Gate: Clone {
    /// Ticket of an admitted request.
    type Ticket: Ticket;
    /// The wait of a queued request; [`NoQueue`] for a gate without a queue.
    type Wait: Future<Output = Result<Self::Ticket, Rejection>>;

    /// Admits a request, rejects it, or queues it.
    fn admit(&self, head: RequestHead<'_>) -> Admission<Self::Ticket, Self::Wait>;

    /// Decides about a request whose wait is over. By default it is admitted.
    fn resume(
        &self,
        ticket: Self::Ticket,
        _head: RequestHead<'_>,
    ) -> Admission<Self::Ticket, Self::Wait> {
        Admission::Admitted(ticket)
    }

    /// Adds headers to the response that rejects a request.
    fn write_headers(&self, _rejection: Rejection, _headers: &mut HeaderMap) {}

    /// Adds extensions to the response that rejects a request, such as its
    /// [`Source`](crate::events::Source).
    fn write_extensions(&self, _rejection: Rejection, _extensions: &mut Extensions) {}
}

/// Shares a gate by one reference count, so that a service cloned for each call touches one
/// counter.
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

    fn write_extensions(&self, rejection: Rejection, extensions: &mut Extensions) {
        G::write_extensions(self, rejection, extensions);
    }
}

/// Decision of a [`Gate`] about a request.
#[derive(Debug)]
pub enum Admission<T, W> {
    /// The request is admitted now.
    Admitted(T),
    /// An inner gate rejected the request after outer gates had admitted it; their tickets observe
    /// the rejection.
    RejectedInside(T, Rejection),
    /// The request is rejected.
    Rejected(Rejection),
    /// The request is queued: admitted when this future is ready, unless it returns a rejection.
    Waiting(W),
}

/// A request that was admitted.
///
/// The ticket is held to the end of the body, so every layer wraps the response body and moves both
/// once more: about 280 of the 556 instructions that a circuit breaker adds to a call.
///
/// A ticket dropped before [`on_outcome`](Ticket::on_outcome) was cancelled: the caller is gone.
/// Dropped after it, the response body ended or the caller dropped it. Either way it releases its
/// permits.
pub trait Ticket {
    /// Records the outcome of the attempt as soon as it is known, once at most.
    ///
    /// It is known when the response's head arrives or, for a gRPC response whose headers have no
    /// status, with its trailers.
    fn on_outcome(&mut self, outcome: Outcome);

    /// Records that the response broke off after its head was reported.
    fn on_body_error(&mut self, failure: Failure);

    /// Changes the headers of the request that was let in, before it goes on, and returns true if
    /// it has changed any. It may do so if it [watches](Self::is_active), and not to decide
    /// anything. The default changes nothing.
    #[inline]
    fn forward(&mut self, _headers: &mut HeaderMap) -> bool {
        false
    }

    /// Observes the head of the response, local replies included, once and before
    /// [`on_outcome`](Ticket::on_outcome).
    fn on_response(&mut self, _head: ResponseHead<'_>) {}

    /// Observes each piece of the response's body.
    #[inline]
    fn on_data(&mut self, _data: &Bytes) {}

    /// Adds headers to the response.
    fn write_headers(&mut self, _headers: &mut HeaderMap) {}

    /// Adds extensions to the response.
    fn write_extensions(&mut self, _extensions: &mut Extensions) {}

    /// True if the ticket records outcomes, the default.
    ///
    /// If false, neither [`on_outcome`](Ticket::on_outcome) nor
    /// [`on_body_error`](Ticket::on_body_error) is called, and headers and trailers are not
    /// searched for a status.
    fn wants_outcome(&self) -> bool {
        true
    }

    /// True if the ticket has to be held, the default.
    ///
    /// If false, as under a disabled policy, the ticket is dropped at once without any report, and
    /// the future and the body have no work to do.
    fn is_active(&self) -> bool {
        true
    }

    /// Classifies an error of the inner service, or of its response's body. By default it is the failure that
    /// [`Failure::of`] finds.
    fn classify<E: 'static>(&self, error: &E) -> Outcome {
        Outcome::Failed(Failure::of(error))
    }

    /// Handles a response: calls [`on_response`](Ticket::on_response), then
    /// [`on_outcome`](Ticket::on_outcome) if the outcome is known,
    /// [`write_headers`](Ticket::write_headers), and
    /// [`write_extensions`](Ticket::write_extensions).
    ///
    /// Only a ticket composed of others needs its own implementation.
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

    /// Handles an error of the inner service. Only a ticket composed of others needs its own
    /// implementation.
    fn handle_error<E: 'static>(&mut self, error: &E) {
        if self.wants_outcome() {
            let outcome = self.classify(error);
            self.on_outcome(outcome);
        }
    }

    /// Handles an error of the response's body; `undecided` if its trailers would have carried the
    /// outcome. Only a ticket composed of others needs its own implementation.
    fn handle_body_error<E: 'static>(&mut self, error: &E, undecided: bool) {
        if !self.wants_outcome() {
            return;
        }
        let outcome = match self.classify(error) {
            // A timeout that cut off the body is reported as such, to agree with the layer that did it.
            Outcome::Failed(failure @ (Failure::RequestBody | Failure::Timeout)) => failure.into(),
            Outcome::Failed(_) => Failure::Body.into(),
            other => other,
        };
        match outcome {
            _ if undecided => self.on_outcome(outcome),
            Outcome::Failed(failure) => self.on_body_error(failure),
            // No failure by a custom classification: the outcome of the head stands.
            _ => {}
        }
    }
}

/// The wait of a gate without a queue: it is never created.
#[derive(Debug)]
pub struct NoQueue<T>(Infallible, PhantomData<fn() -> T>);

impl<T> Future for NoQueue<T> {
    type Output = Result<T, Rejection>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Uninhabited: there is no value to poll.
        match self.0 {}
    }
}

/// A ticket without effect: it observes nothing and releases nothing.
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
