//! Tower layers that do inside the process what an Istio sidecar does for a service's traffic.
//!
//! # Example
//!
//! One layer around one service, and the whole recommended stack:
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
//! # Guarantees of every layer
//!
//! 1. State lives in the layer and is shared by its clones and by all services that it makes: axum calls
//!    `Layer::layer` for every connection and route, without any effect on the state.
//! 2. No layer waits in `poll_ready`. A queue is a state of the response future, so a waiting request
//!    delays no other.
//! 3. The error type stays the inner service's. A layer that rejects a request answers with a response, as
//!    Envoy does, so it fits under axum and around any client; [`Rejection::of`] returns the reason.
//! 4. An admitted request is settled exactly once in each of its parts: the status at the head of the
//!    response; permits and latency at the end of its body, on an error, a drop or a panic. A result
//!    from before a change of state has no effect.
//! 5. Decisions are pure functions of time, random numbers, policy and outcome. `tokio::time::pause` drives
//!    all of them.
//! 6. A policy can be replaced while requests run, and the state stays. "Off" is a policy.
//! 7. Everything is bounded: keys, queues, replay buffers, waits, retries, copies. Only the
//!    [`mirror`], [`Endpoints::follow`], `dns`, the connections of a `pool`, `jwt::JwksSource`, the tunnels of
//!    `Mesh::gateway` and `Mesh::watch` spawn tasks or threads, which end with their owner.
//! 8. Bad configuration is a typed error, never a panic. Zero means what Istio defines it to mean.
//! 9. An admitted call costs nanoseconds, about 100 for one layer: no lock is awaited, no future boxed,
//!    and memory is allocated only for the parts of a request that may be retried and for headers that are
//!    written.
//!
//! # Architecture
//!
//! ```text
//! integrations the page for operators, metrics, and the end of a service
//! mesh         stacks and their state: by hand, or of a workload or gateway under Istio's documents
//! istio        Istio's documents: api, validation, analysis, coverage, and translation to plain values
//! transport    connections: client (reqwest's API), connectors, DNS, connection pools
//! policies     one folder per policy: its values, its pure decisions, and its layer, service and future
//! foundation   outcomes, rejections, admission gates, deadlines, endpoints, events, matching, time
//! ```
//!
//! A tier imports only from the tiers below it, and no policy imports another. The circuit breaker, the limits, fault
//! injection and the spans share one mechanism: a [`gate`] decides by the head of a request and returns
//! a ticket; the service around both forwards readiness, reports the head, and keeps the ticket until the
//! body ends. An [`Outcome`] is a fact that is classified once per attempt; each policy compares facts
//! with its own set.
//!
//! Some context passes between layers without appearing in signatures: a [`Deadline`] and the trace are
//! set for the duration of a poll, so that a client which a handler calls finds them.

#![forbid(unsafe_code)]
// Each item shows its feature on docs.rs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod foundation;
mod integrations;
#[cfg(feature = "istio")]
pub mod istio;
pub mod mesh;
mod policies;
mod transport;

#[cfg(feature = "admin")]
pub use integrations::admin;
#[cfg(feature = "prometheus")]
pub use integrations::prometheus;
pub use integrations::shutdown;
pub use policies::adaptive_concurrency;
pub use policies::authorization;
pub use policies::canary;
pub use policies::circuit_breaker;
pub use policies::concurrency_limit;
pub use policies::cors;
pub use policies::fault_injection;
#[cfg(feature = "jwt")]
pub use policies::jwt;
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
#[cfg(feature = "tonic")]
pub use transport::grpc;
#[cfg(feature = "mtls")]
pub use transport::mtls;
#[cfg(feature = "hyper")]
pub use transport::pool;

// One a line, so that changes to this list do not meet.
pub use foundation::admission as gate;
pub use foundation::deadline::Deadline;
pub use foundation::endpoints::Endpoint;
pub use foundation::endpoints::Endpoints;
pub use foundation::events::Event;
pub use foundation::events::Observe;
pub use foundation::identity;
pub use foundation::outcome::Failure;
pub use foundation::outcome::Outcome;
pub use foundation::outcome::Rejection;
pub use foundation::sync::Percent;
#[cfg(feature = "istio")]
pub use mesh::Mesh;
pub use mesh::{inbound, outbound};

/// Kinds of [`Event`]s, and the sources of events, spans and local replies.
///
/// A layer has a name, and so has a whole stack:
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Empty;
/// use meshless::events::Source;
/// use meshless::rate_limit::RateLimitPolicy;
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// # let transport = service_fn(|_: Request<_>| async {
/// #     Ok::<_, std::convert::Infallible>(Response::new(Empty::<Bytes>::new()))
/// # });
/// let stack = meshless::outbound()
///     .named("openai")
///     .with_rate_limit(RateLimitPolicy::per_minute(0));
/// let response = stack.layer(transport).oneshot(Request::new(Empty::<Bytes>::new())).await?;
/// assert_eq!(response.status(), 429);
/// let source = Source::of(&response).expect("the stack has a name");
/// assert_eq!(source.name(), Some("openai"));
/// # Ok(())
/// # }
/// ```
///
/// In a mesh made of documents a source also has workload, direction, host, cluster, route, and the file and line that
/// ordered the policy.
pub mod events {
    pub use crate::foundation::events::{Completion, EventKind};
    pub use crate::foundation::outcome::{
        Direction, Origin, ResponseFlags, Source, WorkloadMetadata,
    };
    pub use crate::foundation::tls::HandshakeFailure;
}

/// Facts about an attempt beside its [`Outcome`]: statuses, causes, and how errors are classified.
pub mod outcome {
    pub use crate::foundation::http::GrpcStatus;
    pub use crate::foundation::outcome::{
        BoxError, Cause, DenyReason, DnsFailure, ErrorClassifier, ResetReason,
    };
}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {
    pub use crate::foundation::events::RecordingObserver;
}

/// The examples of the page about configuration, compiled.
#[cfg(all(doctest, feature = "serde"))]
#[doc = include_str!("../docs/configuration.md")]
pub struct Configuration;

/// The examples of the README, compiled.
#[cfg(all(doctest, feature = "axum", feature = "reqwest", feature = "watch"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
