//! Stops sending requests to a failing upstream.
//!
//! An open circuit responds with 503 at once, so that callers do not wait for an upstream that
//! cannot serve them, and the upstream can recover. After 30 seconds one request is admitted as a
//! probe; if it succeeds, a rising share of the requests follows.
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
//! The layer is a handle as well. Keep a clone of it to guard a call that is not HTTP, to read the
//! [`state`](CircuitBreakerLayer::state), to open or close it by hand, or to replace its policy:
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
//! Not every error is a failure of the upstream: [`run`](CircuitBreakerLayer::run) has an example.
//!
//! # When it opens
//!
//! On consecutive failures (5, as Envoy's `consecutive_5xx`), on the failure rate of a window, on
//! its slow-call rate, or on any of these in combination. A rate has no effect below the minimum
//! number of calls, and a call that neither failed nor was slow never opens the circuit (as in
//! Polly). [`FailureOn`] defines failures. A response counts when its head arrives, whether or not
//! its body is read; one that breaks off later counts as a further failure. A gRPC response counts
//! by its trailers, if its headers carry no status.
//!
//! # While it is open
//!
//! Requests get 503 `no healthy upstream`, as from Envoy when every endpoint is ejected; gRPC
//! requests get `UNAVAILABLE`. [`Rejection::CircuitOpen`](crate::Rejection::CircuitOpen), in the
//! response's extensions, has the reason and, if known, the time until a retry makes sense, which
//! is then in `Retry-After`, too. Each consecutive opening is twice as long as the one before, up
//! to 300 seconds.
//!
//! # How it closes
//!
//! Exactly when the time is over, the next request is a probe ([`Probes`]); others are rejected
//! while it is in flight. A successful probe starts the recovery: 10 % of the requests are
//! admitted, rising to 100 % within 10 seconds, as in Envoy's slow start. Failures during the
//! recovery count as in a closed circuit. Where slow calls opened the circuit, a slow probe counts
//! as failed.
//!
//! A result counts only in the state that admitted its request. A response to a request sent before
//! the circuit opened neither closes nor reopens it.
//!
//! # What it costs
//!
//! With consecutive failures alone, a success in a closed circuit takes no lock and does not read
//! the clock. With a failure-rate threshold, a success is counted in a per-thread shard: one
//! uncontended lock, plus one clock read for time-based windows; the window's size does not matter.
//! Without failures, threads do not contend for anything.
//!
//! A failed or slow call takes the breaker's one lock and sums up the counters of all threads, so
//! the rates are exact. (A success never opens the circuit, wherever it is in a window, so
//! successes that end while a failure is evaluated may be ordered before or after it.) Two kinds of
//! successes take that lock as well: the first one after a failure, if consecutive failures are
//! counted, and every one under a slow-call rate with a count-based window, which drops latencies
//! in order.
//!
//! Under a policy that is [`off`](CircuitBreakerPolicy::off), responses are not inspected, and
//! tickets hold no reference.
//!

mod circuit;
pub(crate) mod counters;
mod failure_on;
mod layer;
mod machine;
mod policy;
mod run;
mod shared;
mod summary;
#[cfg(test)]
mod tests;
mod ticket;
mod verdict;

pub use crate::foundation::outcome::OpenReason;
pub use counters::counts::Counts;
pub use failure_on::FailureOn;
pub use layer::{CircuitBreakerGate, CircuitBreakerLayer};
pub use machine::probes::Probes;
pub use machine::state::CircuitState;
pub use policy::{CircuitBreakerPolicy, Window};
pub use run::{ClassifyResult, PolicyClassifier, Run, RunError};
pub use ticket::CircuitBreakerTicket;
pub use verdict::Verdict;

use crate::foundation::admission::{Gated, GatedFuture};

/// Rejects requests with 503 while the upstream keeps failing.
///
/// See the [module docs](self) for an example.
pub type CircuitBreaker<S> = Gated<S, CircuitBreakerGate>;

/// Response future of [`CircuitBreaker`].
pub type CircuitBreakerFuture<F> = GatedFuture<F, CircuitBreakerTicket>;
