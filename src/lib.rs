//! What an Istio sidecar does for a service's traffic, as tower layers inside the process.
//!
//! # Example
//!
//! One layer around one service, and everything that is recommended around it:
//!
//! ```
//! use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
//! use tower::{Layer, ServiceBuilder};
//! # #[derive(Clone)] struct Transport;
//! # let transport = Transport;
//!
//! let breaker = CircuitBreakerLayer::new(CircuitBreakerPolicy::default());
//! let one = ServiceBuilder::new().layer(breaker).service(transport.clone());
//! let all = meshless::outbound().layer(transport);
//! # let _ = (one, all);
//! ```
//!
//! Start with [`mesh`] for a whole stack, by hand or from Istio's own YAML (`Mesh`, feature `istio`), with
//! the layer's own module for one layer, with `client` (feature `reqwest`) for reqwest, with
//! [`load_balance`] and `dns` (feature `dns`) for several endpoints, and with [`gate`] for a policy of your
//! own.
//!
//! # What every layer promises
//!
//! 1. State lives in the layer. Its clones, and all services that it made, share it: axum calls
//!    `Layer::layer` for every connection and route, and that changes nothing.
//! 2. Nothing of ours waits in `poll_ready`. A queue is a state of the response future, so whoever waits
//!    keeps nobody else waiting.
//! 3. The error type stays the inner service's. A layer that says no answers with a response, as
//!    Envoy does, so it fits under axum and around any client; [`Rejection::of`] tells who said it.
//! 4. What was admitted is settled, each part once, whatever happens: the status at the head of the
//!    response, permits and latency at the end of its body, on an error, a drop or a panic. A result
//!    from before a change of state changes nothing.
//! 5. Decisions are pure functions of time, chance, policy and outcome. `tokio::time::pause` drives all
//!    of them.
//! 6. A policy can be replaced while requests run, and the state stays. "Off" is a policy.
//! 7. Everything is bounded: keys, queues, replay buffers, waits, retries, copies. Only the
//!    [`mirror`], [`Endpoints::follow`], `dns`, the connections of a `pool`, the tunnels of `Mesh::gateway`
//!    and `Mesh::watch` spawn anything, which ends with its owner.
//! 8. Bad configuration is a typed error, never a panic. Zero means what Istio says it means.
//! 9. An admitted call costs nanoseconds, 100 for one layer and some: no lock is awaited, no future boxed,
//!    and nothing allocated but what is kept of a request that may be retried, and headers that are
//!    written.
//!
//! # How it is built
//!
//! ```text
//! floor 5   client                             reqwest's ways
//! floor 4   istio                              documents, findings, and what they mean: a plan, values only
//!           mesh                               makes layers of a plan, or of code, in their order
//! floor 3   layer, service, future, body       tower's side of a capability
//! floor 2   policy, machine                    a capability's values and decisions: pure
//! floor 1   base                               outcome, rejection, gate, deadline, clock, dice, window
//! ```
//!
//! A capability is a folder, and none imports another. What the circuit breaker, the limits, fault
//! injection and the spans share is one piece: a [`gate`] decides from the head of a request and hands out
//! a ticket; the service around both forwards readiness, reports the head, and keeps the ticket until the
//! body ends. An [`Outcome`] is a fact, classified once for each attempt; each policy holds facts
//! against its own set.
//!
//! What one layer knows and another needs travels without a signature: a [`Deadline`] and the trace are
//! set for the time of a poll, so that a client called from a handler finds them.

#![forbid(unsafe_code)]

mod foundation;
#[cfg(feature = "istio")]
pub mod istio;
pub mod mesh;
mod policies;
mod transport;

pub use policies::circuit_breaker;
pub use policies::concurrency_limit;
pub use policies::fault_injection;
pub use policies::load_balance;
pub use policies::mirror;
pub use policies::outlier_detection;
pub use policies::rate_limit;
pub use policies::retry;
pub use policies::telemetry;
pub use policies::timeout;
pub use policies::traffic_split;
#[cfg(feature = "reqwest")]
pub use transport::client;
#[cfg(feature = "dns")]
pub use transport::dns;
#[cfg(feature = "hyper")]
pub use transport::pool;

// One a line, so that changes to this list do not meet.
pub use foundation::admission as gate;
pub use foundation::deadline::Deadline;
pub use foundation::deadline::WithDeadline;
pub use foundation::endpoints::Endpoint;
pub use foundation::endpoints::EndpointObserver;
pub use foundation::endpoints::Endpoints;
pub use foundation::endpoints::EndpointsTask;
pub use foundation::events::Event;
pub use foundation::events::Observe;
pub use foundation::events::TracingObserver;
pub use foundation::http::ClientAddress;
pub use foundation::http::ForwardedHeader;
pub use foundation::http::GrpcStatus;
pub use foundation::http::PeerAddress;
pub use foundation::http::RequestHead;
pub use foundation::http::ResponseHead;
pub use foundation::matching::HostPattern;
pub use foundation::matching::PatternError;
pub use foundation::matching::StringMatch;
pub use foundation::outcome::BoxError;
pub use foundation::outcome::Cause;
pub use foundation::outcome::DnsFailure;
pub use foundation::outcome::EjectionReason;
pub use foundation::outcome::Elapsed;
pub use foundation::outcome::ErrorClassifier;
pub use foundation::outcome::Failure;
pub use foundation::outcome::MirrorDropReason;
pub use foundation::outcome::OpenReason;
pub use foundation::outcome::Outcome;
pub use foundation::outcome::Overflow;
pub use foundation::outcome::RateLimited;
pub use foundation::outcome::Rejection;
pub use foundation::outcome::ResetReason;
pub use foundation::outcome::RetryStopReason;
pub use foundation::sync::Percent;
#[cfg(feature = "istio")]
pub use mesh::Mesh;
pub use mesh::{inbound, outbound};

/// The examples of the README, compiled.
#[cfg(all(doctest, feature = "axum", feature = "reqwest"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
