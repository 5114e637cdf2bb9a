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

mod future;
mod queued;
mod service;

pub use future::GatedFuture;
pub(crate) use future::PanicGuard;
pub use queued::{Queued, QueuedFuture};
pub use service::Gated;

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Extensions, HeaderMap};

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

    /// Adds headers to the answer that turns a request away.
    fn annotate(&self, _rejection: Rejection, _headers: &mut HeaderMap) {}
}

/// What a [`Gate`] decided about a request.
#[derive(Debug)]
pub enum Admission<T, W> {
    /// It goes on, now.
    Admitted(T),
    /// It does not go on.
    Rejected(Rejection),
    /// It goes on when this is ready, unless that says otherwise.
    Waiting(W),
}

/// A request that was let in.
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

    /// Recognises the failure in an error of the inner service.
    fn recognize<E: 'static>(&self, error: &E) -> Failure {
        Failure::of(error)
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
}
