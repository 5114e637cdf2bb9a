//! Puts the layers together: the stack for a client, the stack for a server, and what cannot work.
//!
//! # Example
//!
//! A client and a server with everything that this crate recommends:
//!
//! ```
//! use std::time::Duration;
//!
//! use meshless::circuit_breaker::CircuitBreakerPolicy;
//! use meshless::rate_limit::RateLimitPolicy;
//! use meshless::timeout::TimeoutPolicy;
//! use tower::Layer;
//! # #[derive(Clone)] struct Transport;
//! # let transport = Transport;
//!
//! let outbound = meshless::outbound()
//!     .with_timeout(TimeoutPolicy::total(Duration::from_secs(10)))
//!     .with_attempt_limit(RateLimitPolicy::per_minute(20));
//! let client = outbound.layer(transport);
//!
//! // A part changes while requests run, and keeps its state.
//! let policy = CircuitBreakerPolicy::default().with_consecutive_failures(3);
//! outbound.circuit_breaker().reconfigure(policy);
//! # let _ = client;
//! ```
//!
//! For axum: `router.layer(meshless::inbound())`.
//!
//! # The order, and why
//!
//! ```text
//!         outbound                                     inbound
//!
//!   1  trace of the request                      1  trace of the request
//!   2  rate limit of requests                    2  rate limit, by caller
//!   3  total timeout                             3  concurrency limit
//!   4  retry                                     4  timeout and deadline
//!        ┌ once for each try ──────────┐               │
//!   5    │ span of the try             │               ▼
//!   6    │ rate limit of tries         │         the routes
//!   7    │ concurrency limit           │
//!   8    │ circuit breaker             │
//!        └──────────────┬──────────────┘
//!                       ▼
//!                 the transport
//! ```
//!
//! The per-try timeout is the retry's own.
//!
//! Trace, limits and circuit breaker that follow each other stand before one service, as one
//! [gate](crate::gate::And): a layer for each would cost a move more of request, future, response and body,
//! and shows nothing else. A test drives both forms with the same calls.
//!
//! What goes wrong in another order:
//!
//! | order | what happens |
//! |---|---|
//! | timeout inside the retry | it limits each try; three tries may take three times as long |
//! | circuit breaker outside the retry | it hears one outcome where the upstream had three requests, so a dying upstream gets three times as many before it opens |
//! | a foreign timeout outside the circuit breaker | a call that it cuts off was abandoned as the breaker sees it, and counts only if [`FailureOn::with_abandoned`](crate::circuit_breaker::FailureOn::with_abandoned) says so; one that our own timeouts cut off counts as a timeout |
//! | concurrency limit outside the retry | a request keeps its place while it waits to be tried again |
//! | rate limit outside the retry | counts requests: right for fairness among callers |
//! | rate limit inside the retry | counts tries: right for what is billed by the call |
//! | trace outside everything | sees refusals too: one span a request, whoever answered |
//! | rate limit inside the concurrency limit (server) | who is over the limit still takes up a place |
//!
//! [`findings`] tells the mistakes among them for a stack that is put together by hand:
//!
//! ```
//! use std::time::Duration;
//! use meshless::mesh::{Finding, Part, findings};
//! use meshless::retry::RetryPolicy;
//! use meshless::timeout::TimeoutPolicy;
//!
//! let total = TimeoutPolicy::total(Duration::from_secs(3));
//! let retry = RetryPolicy::new(2).with_per_try_timeout(Duration::from_secs(2));
//! let found = findings(&[Part::Timeout(&total), Part::Retry(&retry)]);
//! assert!(matches!(found[..], [Finding::TriesOutlastTimeout { .. }]));
//! println!("{}", found[0]);
//! ```

mod finding;
mod inbound;
mod outbound;
mod part;

pub use finding::{Finding, findings};
pub use inbound::{Inbound, InboundService, inbound};
pub use outbound::{Outbound, OutboundGates, OutboundService, outbound};
pub use part::Part;
