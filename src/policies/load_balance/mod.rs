//! Load balancing of requests over the endpoints of a destination.
//!
//! # Example
//!
//! One client, three endpoints; of two random endpoints the one with fewer requests in flight gets
//! the next request. An endpoint that answers five times in a row with 5xx is ejected for 30 s:
//!
//! ```
//! use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
//! use meshless::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
//! use meshless::{Endpoint, Endpoints};
//! use tower::ServiceBuilder;
//!
//! # async fn client(_: http::Request<()>) -> Result<http::Response<http_body_util::Empty<bytes::Bytes>>, std::convert::Infallible> {
//! #     Ok(http::Response::default())
//! # }
//! # fn main() -> Result<(), http::uri::InvalidUri> {
//! let users = Endpoints::fixed([
//!     Endpoint::try_from("10.0.0.1:8000")?,
//!     Endpoint::try_from("10.0.0.2:8000")?,
//!     Endpoint::try_from("10.0.0.3:8000")?.with_weight(2),
//! ]);
//! let detector = OutlierDetector::new(OutlierDetectionPolicy::default(), users.clone());
//! let balance = LoadBalanceLayer::new(LoadBalancePolicy::default(), users.clone())
//!     .with_endpoint_observer(detector);
//! let service = ServiceBuilder::new().layer(balance).service_fn(client);
//!
//! // Later, while requests run: one endpoint is removed, another added.
//! users.update(["10.0.0.1:8000", "10.0.0.4:8000"].map(|a| Endpoint::try_from(a).unwrap()));
//! # let _ = service;
//! # Ok(())
//! # }
//! ```
//!
//! # A service for each endpoint
//!
//! The layer wraps one client, and makes the endpoint the authority of the request. Where each
//! endpoint has a service of its own, with its own connections and limits, [`LoadBalance`] chooses
//! among those. That is also the way to reach endpoints behind TLS by their addresses: one client
//! for each endpoint keeps the host name, against which certificates are verified.
//!
//! ```
//! use std::time::Duration;
//!
//! use http::HeaderName;
//! use meshless::load_balance::{LoadBalance, LoadBalancePolicy, SlowStart, HashPolicy, HashCookie};
//! use meshless::{Endpoint, Endpoints, Percent};
//!
//! # #[derive(Clone)] struct Client;
//! # impl Client { fn to(_: &http::uri::Authority) -> Self { Self } }
//! # fn main() -> Result<(), http::uri::InvalidUri> {
//! let all = Endpoints::fixed([
//!     Endpoint::try_from("10.0.0.1:8000")?.with_label("version", "v1"),
//!     Endpoint::try_from("10.0.0.2:8000")?.with_label("version", "v2"),
//! ]);
//!
//! // Callers stay with an endpoint, by a header or else by a cookie that is set for them.
//! let user = HashPolicy::header(HeaderName::from_static("x-user"));
//! let cookie = HashCookie::new("session").with_ttl(Duration::from_secs(3_600));
//! let sticky = LoadBalancePolicy::consistent_hash(user.or(HashPolicy::cookie(cookie)));
//! let v2 = LoadBalance::new(sticky, all.subset([("version", "v2")]), |endpoint| {
//!     Client::to(endpoint.address())
//! });
//!
//! // Later: round robin with a slow start, and all are used again when fewer than half are left.
//! v2.reconfigure(
//!     LoadBalancePolicy::round_robin()
//!         .with_slow_start(SlowStart::over(Duration::from_secs(60)).with_aggression(1.5))
//!         .with_min_health_percent(Percent::new(50)),
//! );
//! # Ok(())
//! # }
//! ```
//!
//! # Behaviour and its source
//!
//! - **Candidates**: endpoints with a weight above 0 that are not ejected; all endpoints with a weight, when
//!   fewer are left than the policy's [share](LoadBalancePolicy::with_min_health_percent) (Envoy's panic
//!   threshold). Without a candidate the answer is 503 `no healthy upstream`
//!   ([`Rejection::NoHealthyUpstream`], flag `UH`, gRPC status 14), which a retry leaves as it is.
//! - **Least request** compares requests in flight to the end of their response bodies. Two endpoints are named
//!   by weight and compared by load for each unit of it.
//! - **Slow start** is Envoy's formula, on by default.
//! - **Consistent hash** is a ring as Envoy's (ketama), with a hash of this crate's own that is the same
//!   in every process and every release, so all replicas of a caller send a key to the same endpoint. An
//!   endpoint's places do not depend on the others, so keys move only to who joins and from who leaves.
//! - **A retry** around it avoids the endpoints that were tried for the same request, as Istio's
//!   `retryIgnorePreviousHosts`: it picks up to six times as Envoy does, and then takes any that is left.
//!   When all were tried, the last pick is taken.
//! - **The `Host` header** stays whom the caller addressed. Over HTTP/2 the endpoint's address is the
//!   `:authority`, since clients take that from the URI; use a service for each endpoint where that
//!   matters.
//!
//! Where that is not Envoy's way, it stands in the [table of
//! differences](crate::mesh#differences-from-envoy).
//!
//! # What it costs
//!
//! A choice takes no lock and does not depend on the number of endpoints: some 250 instructions, of
//! which 100 are the load of the table. It writes no memory that other threads write, except one
//! count at the chosen endpoint: its requests in flight, which is also the reference that keeps the
//! endpoint alive. Threads that least request sends to the same few endpoints share those counts,
//! as Envoy's workers do; the comparison needs them.
//!
//! The time is read only while an endpoint is ejected or in its slow start. With one endpoint and
//! no endpoint observer, requests in flight are not counted. If a request has the endpoint's
//! address already, the check takes some 60 instructions, and the rest is the same as with a policy
//! that is off. Setting another address takes 400.
//!
//! [`Rejection::NoHealthyUpstream`]: crate::Rejection::NoHealthyUpstream

mod address;
pub(crate) mod algorithms;
mod balancer;
mod future;
mod layer;
mod machine;
mod policy;
mod service;
mod single_endpoint;
mod slow_start;
mod state;
mod table;
mod ticket;

#[cfg(feature = "istio")]
pub(crate) use address::set_authority;
pub use future::LoadBalanceFuture;
pub use layer::{Balanced, LoadBalanceLayer};
pub use policy::LoadBalancePolicy;
pub use service::LoadBalance;
pub use slow_start::SlowStart;
pub use ticket::BalanceTicket;

use crate::foundation::admission::GatedFuture;
pub use crate::foundation::endpoints::EndpointObserver;
pub use crate::foundation::endpoints::EndpointsTask;
pub use crate::foundation::http::{HashCookie, HashPolicy};

/// Response future of [`Balanced`].
pub type BalancedFuture<F> = GatedFuture<F, BalanceTicket>;
