//! Stacks of layers: from Istio's own YAML, or by hand, with a check for contradictions.
//!
//! # From Istio's YAML
//!
//! The team writes the YAML that Istio takes, and each service loads it (feature `istio`; the client is
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
//! let client = me.client();
//! let models = client.get("http://models/v1/list").send().await?;
//!
//! // In: the workload's own limits, its trace, its callers' deadlines.
//! let app = router.layer(me.server());
//!
//! // Later, while requests run: a change of all documents, as a whole or not at all, or a canary by hand. With the
//! // feature `watch`, `mesh.watch("policies")` applies changes of files.
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
//! Documents with an error make no mesh and no change: the error holds all findings and prints them as
//! rustc does. The same with an in-memory service in place of reqwest:
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
//! // Three failures in a row: the endpoint is ejected for 30 seconds.
//! assert_eq!(ask().await?.status(), 503);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "istio"))]
//! # fn main() {}
//! ```
//!
//! The path of an outbound request:
//!
//! ```text
//! trace ─▶ host and route, once ─▶ the route's stack
//!
//!   rate limits of the host and the route ─▶ fault ─▶ weights, headers, rewrite, mirrors
//!     ─▶ total timeout ─▶ retry ─▶ attempt (its span, its timeout)
//!     ─▶ cluster: requests in flight ─▶ load balancing over the endpoints that are not ejected
//!     ─▶ connections: the pool of the cluster
//! ```
//!
//! - **Hosts** are found in constant time, wildcards by the longest match. A host that no document
//!   names passes untouched, or is rejected with 502 (`Mesh::builder().with_registry_only(true)`).
//! - **State** belongs to the workload: all its clients and servers, by name, namespace
//!   and labels, share ejections, token buckets and retry budgets. The state of a cluster is shared by all routes that
//!   lead to it.
//! - **A change** is applied as a whole or rejected. Requests in flight finish under the previous version; state
//!   whose owner is still in the documents is kept, under its new settings.
//! - **The stack consists of the public layers**, in this order, behind one opaque type. Beside the layers
//!   themselves a request costs a route lookup and one clone of that route's stack; stacks are created
//!   when a host is first called.
//! - **Connections** of [`Workload::client`] and of a gateway's own client are made by a
//!   [`TcpConnector`](crate::client::TcpConnector), or by reqwest, as
//!   [`client_with`](Workload::client_with) configures it. A cluster has a [pool](crate::pool) of them, with
//!   the limits of its `connectionPool`,
//!   over TLS too, which all clients of the workload share and which a change reconfigures. Each endpoint
//!   keeps at least one, as in Envoy; those to a removed endpoint are closed when they are idle.
//!   HTTP/2 is used with prior knowledge for service ports of the protocols `HTTP2`, `GRPC` and `GRPC-WEB`, and for
//!   rules with `h2UpgradePolicy: UPGRADE`.
//! - **Names**: with the feature `dns` every address of a name in a `ServiceEntry` with
//!   `resolution: DNS` is an endpoint, refreshed by its time to live. Requests wait for
//!   the first answer, within their own timeouts and at most for the DNS timeout (5 s); without an answer
//!   they get 503 `no healthy upstream` with its [`Cause`](crate::outcome::Cause). Without the feature, and with
//!   `resolution: DNS_ROUND_ROBIN`, the name is one endpoint, resolved for each connection. So is a host
//!   without addresses in the documents, such as a headless service of Kubernetes: by the name
//!   that the caller wrote.
//! - **TLS**: the certificate must be valid for the host of the request, whatever the address of the endpoint;
//!   or for the service, where a rule originates TLS to its endpoints; or for the rule's `sni`,
//!   which does not change the `Host`. For custom certificate authorities see
//!   [`client_with`](Workload::client_with). A rule's `tls: {mode: SIMPLE}` encrypts requests with an
//!   `http://` URL. A custom transport gets requests addressed to endpoints, with the name in `Host`.
//! - **An ingress** is `Mesh::gateway`: `router.fallback_service(gateway.service())`, served with
//!   `into_make_service_with_connect_info::<SocketAddr>`, or a hardened server for the open internet
//!   (`examples/gateway.rs`). Requests are sanitized first, as at Istio's gateways; see [`Gateway`], also for
//!   trusted proxies in front of it. It forwards WebSocket upgrades and rejects other
//!   protocols. Upstream TLS depends on the rule alone, under its `sni` or the service's own name, and never
//!   on the caller.
//! - **Envoy's request headers** (`x-envoy-retry-on`, `x-envoy-max-retries` and the others that Envoy's router
//!   consumes) are removed and ignored, as by an Envoy that treats no caller as internal;
//!   `x-envoy-attempt-count` is the number of the attempt, whatever the caller wrote.
//! - **Headers for services of the mesh** (`x-envoy-*`, `x-request-id`, and B3 where it was received) go to hosts that the
//!   documents place inside it: services of the cluster, and those of a `ServiceEntry` with `location: MESH_INTERNAL`.
//!   Others get W3C's trace context alone, unless
//!   [`with_internal_headers_everywhere`](MeshBuilder::with_internal_headers_everywhere) asks for it.
//!
//! # By hand
//!
//! A client and a server with the recommended stacks:
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
//! A client of several hosts has such a stack for each of them, so that one that is down shuts no other out:
//! [`meshless::outbound().per_host()`](Outbound::per_host).
//!
//! A stack by hand tells the other side its trace (W3C), and the deadline of a gRPC call. For a service of one's own ask
//! for more: [`RetryPolicy::with_envoy_headers`](crate::retry::RetryPolicy::with_envoy_headers),
//! [`TimeoutPolicy::with_envoy_headers`](crate::timeout::TimeoutPolicy::with_envoy_headers),
//! [`TracePolicy::with_request_id_in_request`](crate::telemetry::TracePolicy::with_request_id_in_request).
//!
//! [`OutboundPolicy`] and [`InboundPolicy`] are all policies of a stack as one value, which a service's own configuration
//! can hold (feature `serde`, `docs/configuration.md`).
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
//!        ┌ once per attempt ───────────┐               │
//!   5    │ span of the attempt         │               ▼
//!   6    │ rate limit of attempts      │         the routes
//!   7    │ concurrency limit           │
//!   8    │ circuit breaker             │
//!        └──────────────┬──────────────┘
//!                       ▼
//!                 the transport
//! ```
//!
//! The per-try timeout is part of the retry.
//!
//! Every stack is made from one text, `src/mesh/stack.rs`, which has the reason of each place. Trace, limits and circuit
//! breaker that follow each other share one service, as one
//! [gate](crate::gate::GateChain): separate layers would move request, future, response and body once more
//! each, with the same behaviour. A test compares both forms.
//!
//! Effects of other orders:
//!
//! | order | effect |
//! |---|---|
//! | timeout inside the retry | it limits each attempt; three attempts may take three times as long |
//! | circuit breaker outside the retry | it records one outcome where the upstream had three requests, so a failing upstream gets three times as many before the breaker opens |
//! | another library's timeout outside the circuit breaker | the breaker sees an abandoned call, which counts only with [`FailureOn::with_abandoned`](crate::circuit_breaker::FailureOn::with_abandoned); a call that a timeout of this crate cancels counts as a timeout |
//! | concurrency limit outside the retry | a request keeps its permit while it waits for its next attempt |
//! | rate limit outside the retry | counts requests: right for fairness among callers |
//! | rate limit inside the retry | counts attempts: right for upstreams that bill by the call |
//! | trace outside everything | includes rejections: one span per request, whatever answered it |
//! | rate limit inside the concurrency limit (server) | a request over the rate limit still takes a permit |
//!
//! [`lint`] reports such mistakes in a stack that is built by hand:
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

mod inbound;
mod inbound_policy;
mod layer_config;
mod lint;
mod outbound;
mod outbound_policy;
#[expect(
    unnameable_types,
    reason = "parts of opaque services, which users reach through `Service` alone"
)]
mod outer_stack;
mod per_host;
#[cfg(feature = "istio")]
mod service_mesh;
pub mod snapshot;
mod stack;

pub use inbound::{Inbound, InboundService, inbound};
pub use inbound_policy::InboundPolicy;
pub use layer_config::LayerConfig;
pub use lint::{StackWarning, lint};
pub use outbound::{Outbound, OutboundService, outbound};
pub use outbound_policy::OutboundPolicy;
pub use per_host::{InvalidHost, OutboundPerHost, OutboundPerHostService};
#[cfg(all(feature = "istio", feature = "prometheus"))]
pub(crate) use service_mesh::mesh::WeakMesh;
#[cfg(all(feature = "istio", feature = "prometheus"))]
pub(crate) use service_mesh::options::extension::MeshExtension;
#[cfg(feature = "istio")]
pub use service_mesh::*;
