//! Puts the layers together: from Istio's own YAML, or by hand, with what cannot work.
//!
//! # From Istio's YAML
//!
//! The team writes what it would give to Istio, and each service loads it (feature `istio`; the client is
//! reqwest's, feature `reqwest`):
//!
//! ```no_run
//! # #[cfg(all(feature = "istio", feature = "reqwest"))]
//! # async fn run(router: axum::Router) -> Result<(), Box<dyn std::error::Error>> {
//! use meshless::Mesh;
//!
//! let mesh = Mesh::from_path("policies")?;
//! let me = mesh.workload("waste-service", "waste");
//!
//! // Out: routes, weights, retries, timeouts, breakers and limits as the documents say.
//! let client = me.client()?;
//! let models = client.get("http://models/v1/list").send().await?;
//!
//! // In: the workload's own limits, its trace, its callers' deadlines.
//! let app = router.layer(me.server());
//!
//! // Later, while requests run: all of it anew or not at all, or a canary by hand. With the feature
//! // `watch`, `mesh.watch("policies")` does it when a file changes.
//! mesh.apply_path("policies")?;
//! mesh.set_weights("waste-service", "canary", [50, 50])?;
//! for change in mesh.history() {
//!     println!("{change}");
//! }
//! # let _ = (models, app);
//! # Ok(())
//! # }
//! ```
//!
//! Documents with an error make no mesh, and no change: the error holds all findings and prints them as
//! rustc does. How it works, with a service in memory in place of reqwest:
//!
//! ```
//! # #[cfg(feature = "istio")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use http::{Request, Response, StatusCode};
//! use meshless::Mesh;
//! use meshless::mesh::RequestBody;
//! use tower::{ServiceExt, service_fn};
//!
//! # type Body = http_body_util::Empty<bytes::Bytes>;
//! let mesh = Mesh::from_yaml("
//! apiVersion: networking.istio.io/v1
//! kind: DestinationRule
//! metadata: {name: users, namespace: waste}
//! spec:
//!   host: users
//!   trafficPolicy:
//!     outlierDetection: {consecutive5xxErrors: 3}
//! ")?;
//! let broken = service_fn(|_: Request<RequestBody<Body>>| async {
//!     let response = Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR);
//!     Ok::<_, std::convert::Infallible>(response.body(Body::new()).unwrap())
//! });
//! let users = mesh.workload("waste-service", "waste").outbound(broken);
//! let ask = || users.clone().oneshot(Request::get("http://users/").body(Body::new()).unwrap());
//! for _ in 0..3 {
//!     assert_eq!(ask().await?.status(), 500);
//! }
//! // Three failures in a row: it is left alone for 30 seconds.
//! assert_eq!(ask().await?.status(), 503);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "istio"))]
//! # fn main() {}
//! ```
//!
//! What happens to a request that goes out:
//!
//! ```text
//! trace ─▶ host and route, once ─▶ the route's stack
//!
//!   rate limits of the host and the route ─▶ fault ─▶ weights, headers, rewrite, mirrors
//!     ─▶ total timeout ─▶ retry ─▶ try (its span, its timeout)
//!     ─▶ destination: requests in flight ─▶ balancing over the endpoints that are not ejected
//!     ─▶ connections: a pool with limits, or reqwest
//! ```
//!
//! - **A host** is found in one step among any number, wildcards by the longest. One that no document
//!   names passes untouched, or is refused with 502 (`Mesh::builder().with_registry_only(true)`).
//! - **State** belongs to the workload: all clients and servers that are made of one, by name, namespace
//!   and labels, share ejections, buckets and budgets. A destination's state is shared by all routes that
//!   lead there.
//! - **A change** is taken whole or refused. Requests in flight finish on what they began with; what its
//!   document still names keeps its state, under its new settings.
//! - **It is made of the public layers**, in this order, by types that have names. Beside the layers
//!   themselves a request costs finding its route and one clone of that route's stack; stacks are made
//!   when a host is first called.
//! - **Connections** of [`Workload::client`] and of a gateway's own client are made by reqwest, as
//!   [`client_with`](Workload::client_with) says, with its TLS and its proxies. A destination of which more
//!   is known than its name has a [pool](crate::pool) of them, with the limits of its `connectionPool`,
//!   over TLS too, which all clients of the workload share and which a change reconfigures. Each endpoint
//!   keeps one at least, as in Envoy; those to an endpoint that is gone are closed when they are idle.
//!   HTTP/2 is spoken without asking where the service's port says `HTTP2`, `GRPC` or `GRPC-WEB`, or the rule
//!   `h2UpgradePolicy: UPGRADE`.
//! - **Names**: with the feature `dns` every address of a name that a `ServiceEntry` with
//!   `resolution: DNS` gives is an endpoint, asked for again as its time to live says. Requests wait for
//!   the first answer, within their own timeouts and for as long as a name server has (5 s); if there is
//!   none, they get 503 `no healthy upstream`, with the [`Cause`](crate::Cause) beside it. Without the feature, and with
//!   `resolution: DNS_ROUND_ROBIN`, the name is one endpoint, looked up for each connection. So is a host
//!   of which no document says where it listens, such as a headless service of Kubernetes: by the name
//!   that the caller wrote.
//! - **TLS**: whatever the address of an endpoint, the certificate that is asked for is that of the name
//!   that was called; or of the service, where a rule starts TLS to its endpoints; or of the rule's `sni`,
//!   which changes nothing of whom a request is for. Certificates of an authority of one's own:
//!   [`client_with`](Workload::client_with). A rule's `tls: {mode: SIMPLE}` encrypts what is called by
//!   `http://`. A transport of one's own gets requests addressed to endpoints, with the name in `Host`.
//! - **An ingress** is `Mesh::gateway`: `router.fallback_service(gateway.service()?)`, served with
//!   `into_make_service_with_connect_info::<SocketAddr>`, or a server of its own where strangers connect
//!   (`examples/gateway.rs`). What strangers send is sanitized first, as at Istio's gateways: [`Gateway`]
//!   says how, and where proxies in front of it are trusted. It passes WebSocket on and refuses other
//!   protocols. Upstream TLS is the rule's to decide, under its `sni` or the service's own name, and never
//!   the caller's.
//! - **Headers to a proxy** (`x-envoy-retry-on`, `x-envoy-max-retries` and the others that Envoy's router
//!   consumes) are taken off and not heeded, as by an Envoy that takes no caller for internal;
//!   `x-envoy-attempt-count` counts the tries, whatever the caller wrote.
//!
//! # By hand
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
//! [gate](crate::gate::GateChain): a layer for each would cost a move more of request, future, response and body,
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
//! [`lint`] tells the mistakes among them for a stack that is put together by hand:
//!
//! ```
//! use std::time::Duration;
//! use meshless::mesh::{StackWarning, LayerConfig, lint};
//! use meshless::retry::RetryPolicy;
//! use meshless::timeout::TimeoutPolicy;
//!
//! let total = TimeoutPolicy::total(Duration::from_secs(3));
//! let retry = RetryPolicy::new(2).with_per_try_timeout(Duration::from_secs(2));
//! let found = lint(&[LayerConfig::Timeout(&total), LayerConfig::Retry(&retry)]);
//! assert!(matches!(found[..], [StackWarning::AttemptsOutlastTimeout { .. }]));
//! println!("{}", found[0]);
//! ```
//!
#![doc = include_str!("../../docs/differences-from-envoy.md")]

#[cfg(feature = "istio")]
pub(crate) mod builder;
#[cfg(feature = "istio")]
#[cfg(feature = "reqwest")]
pub(crate) mod client;
#[cfg(feature = "istio")]
pub(crate) mod cluster;
#[cfg(feature = "istio")]
pub(crate) mod gateway;
mod inbound;
mod layer_config;
mod lint;
#[cfg(feature = "istio")]
pub(crate) mod options;
mod outbound;
mod outer_stack;
#[cfg(feature = "istio")]
pub(crate) mod proxy;
#[cfg(feature = "istio")]
pub(crate) mod router;
#[cfg(feature = "istio")]
pub(crate) mod server;
#[cfg(feature = "istio")]
mod service_mesh;
#[cfg(feature = "istio")]
pub mod services;
#[cfg(feature = "istio")]
pub(crate) mod state;
#[cfg(feature = "istio")]
#[cfg(test)]
pub(crate) mod tests;
#[cfg(feature = "istio")]
#[cfg(feature = "watch")]
mod watching;
#[cfg(feature = "istio")]
pub(crate) mod workload;

#[cfg(feature = "istio")]
pub use builder::MeshBuilder;
#[cfg(feature = "istio")]
#[cfg(feature = "reqwest")]
pub use client::MeshClient;
#[cfg(feature = "istio")]
pub use gateway::Gateway;
#[cfg(feature = "istio")]
pub use gateway::GatewayService;
#[cfg(feature = "istio")]
pub use gateway::edge::TrustedProxies;
#[cfg(feature = "istio")]
pub use gateway::ingress::Ingress;
#[cfg(feature = "istio")]
pub use gateway::ingress::IngressBody;
#[cfg(feature = "istio")]
pub use gateway::ingress::IngressFuture;
#[cfg(feature = "istio")]
pub use router::upstream::mesh_transport::MeshTransport;
#[cfg(feature = "istio")]
pub use router::upstream::request_body::RequestBody;
#[cfg(feature = "istio")]
pub use server::ServerLayer;
#[cfg(feature = "istio")]
pub use server::ServerService;
#[cfg(feature = "istio")]
pub use service_mesh::Mesh;
#[cfg(feature = "istio")]
pub use state::change::Cause;
#[cfg(feature = "istio")]
pub use state::change::Change;
#[cfg(feature = "istio")]
pub use state::error::Error;
#[cfg(feature = "istio")]
#[cfg(feature = "watch")]
pub use state::watch::Watch;
#[cfg(feature = "istio")]
pub use workload::Workload;
#[cfg(feature = "istio")]
pub use workload::WorkloadLayer;
#[cfg(feature = "istio")]
pub use workload::WorkloadService;

pub use inbound::{Inbound, InboundService, inbound};
pub use layer_config::LayerConfig;
pub use lint::{StackWarning, lint};
pub use outbound::{Outbound, OutboundGates, OutboundService, outbound};
pub use outer_stack::{CallHints, CallInner, Direct, OuterStack, OuterStackFuture, WithRetryHints};
