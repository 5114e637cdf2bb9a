//! Stops sending to an upstream that keeps failing.
//!
//! While it is open it answers 503 by itself, at once, so that callers do not wait for what will
//! not come, and the upstream gets a rest. After 30 seconds one request is let through to see how
//! things are; if it succeeds, a rising share of the requests follows.
//!
//! # Example
//!
//! ```
//! use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
//! use tower::ServiceBuilder;
//!
//! # let upstream = tower::service_fn(|_: http::Request<()>| async {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
//! # });
//! let breaker = CircuitBreakerLayer::new(CircuitBreakerPolicy::default());
//! let service = ServiceBuilder::new().layer(breaker).service(upstream);
//! # let _ = service;
//! ```
//!
//! The layer is a handle as well. Keep a clone of it to guard a call that is not HTTP, to look at
//! the [`state`](CircuitBreakerLayer::state), to open or close it by hand, or to replace its
//! policy:
//!
//! ```
//! use std::time::Duration;
//!
//! use meshless::Percent;
//! use meshless::circuit_breaker::{
//!     CircuitBreakerLayer, CircuitBreakerPolicy, CircuitState, Probes, RunError, Window,
//! };
//!
//! # async fn query() -> Result<u32, std::io::Error> { Ok(7) }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), RunError<std::io::Error>> {
//! let policy = CircuitBreakerPolicy::default()
//!     .with_failure_rate(Percent::new(50))
//!     .with_slow_calls(Percent::new(80), Duration::from_secs(2))
//!     .with_window(Window::Count(100))
//!     .with_minimum_calls(10)
//!     .with_open_for(Duration::from_secs(5))
//!     .with_probes(Probes::new(3));
//! let database = CircuitBreakerLayer::new(policy);
//!
//! let rows = database.run(|| query()).await?;
//! assert_eq!(rows, 7);
//! assert_eq!(database.state(), CircuitState::Closed);
//! # Ok(())
//! # }
//! ```
//!
//! # When it opens
//!
//! On failures in a row (5, as Envoy's `consecutive_5xx`), on the share of failures in a window, on
//! the share of slow calls in it, or on any of them that the policy combines. A rate means nothing
//! below the minimum of calls, and a call that is neither bad nor slow never opens the circuit
//! (Polly's reading). [`FailureOn`] says what a failure is. A response counts when its head is
//! there, whether or not anybody reads its body; one that breaks off after that is a failure more.
//! A gRPC response counts by its trailers, if its headers do not say.
//!
//! # While it is open
//!
//! Requests get 503 `no healthy upstream`, as Envoy answers when every endpoint is ejected; gRPC
//! requests get `UNAVAILABLE`. [`Rejection::CircuitOpen`](crate::Rejection::CircuitOpen), in the
//! response's extensions, says why, and when to come back if that is known; then there is a
//! `Retry-After` too. Each opening in a row is twice as long as the one before, up to 300 seconds.
//!
//! # How it closes
//!
//! When the time is over, exactly, the next request is a probe ([`Probes`]); further ones are
//! refused while it is under way. A good probe starts the recovery: 10 % of the requests go
//! through, rising to all of them within 10 seconds, as in Envoy's slow start. Failures in it count
//! as in a closed circuit. Where slow calls opened the circuit, a slow probe is a bad one.
//!
//! A result only counts for the state that let its request in. An answer that was asked for before
//! the circuit opened neither closes it nor opens it again.
//!
//! # What it costs
//!
//! With failures in a row alone, a good request in a closed circuit takes no lock and does not read
//! the clock. With rates, its thread counts it at a place of its own, which costs a lock that nobody
//! else wants, and for a window over time a reading of the clock; the window's size does not matter.
//! While all is well, threads have nothing to meet at.
//!
//! A bad or slow call takes the breaker's one lock and sums up what all threads have counted, so the
//! rates are still exact: a good call opens nothing, wherever it stands in a window, so that those
//! that end while a bad one is judged may stand before it or after it. Two kinds of good calls take
//! that lock as well: the first one after a failure, if failures in a row are asked for, and each one
//! where slow calls are looked for in a window over a number of calls, since the time that each of
//! them took leaves this window after those before it.
//!
//! A policy that is [`off`](CircuitBreakerPolicy::off) looks at no response, and its tickets hold on to
//! nothing.
//!

mod circuit;
pub(crate) mod counters;
mod failure_on;
mod layer;
mod machine;
mod policy;
mod run;
mod shared;
#[cfg(test)]
mod tests;
mod ticket;
mod verdict;

pub use counters::counts::Counts;
pub use failure_on::FailureOn;
pub use layer::{CircuitBreakerGate, CircuitBreakerLayer};
pub use machine::probes::Probes;
pub use machine::state::CircuitState;
pub use policy::{CircuitBreakerPolicy, Window};
pub use run::{Run, RunError};
pub use ticket::CircuitBreakerTicket;
pub use verdict::Verdict;

use crate::foundation::admission::{Gated, GatedFuture};

/// Answers 503 while the upstream keeps failing.
///
/// See the [module docs](self) for an example.
pub type CircuitBreaker<S> = Gated<S, CircuitBreakerGate>;

/// Response future of [`CircuitBreaker`].
pub type CircuitBreakerFuture<F> = GatedFuture<F, CircuitBreakerTicket>;
