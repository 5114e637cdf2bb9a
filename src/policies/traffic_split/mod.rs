//! Request routing to services and their versions: by match, by weight, or by user.
//!
//! This is the `http` part of Istio's `VirtualService`: routes in order, each with matches,
//! weighted destinations, and changes to requests and responses.
//!
//! # Example
//!
//! Requests for `v2` get it; one in ten of all others does too, and the user then stays there:
//!
//! ```
//! use std::convert::Infallible;
//!
//! use http::{HeaderName, Request, Response};
//! use meshless::traffic_split::{
//!     Destination, HeaderMatch, Match, Route, HashPolicy, StringMatch, TrafficSplitLayer,
//!     TrafficSplitPolicy,
//! };
//! use tower::ServiceBuilder;
//!
//! # type Body = http_body_util::Empty<bytes::Bytes>;
//! # async fn client(_: Request<()>) -> Result<Response<Body>, Infallible> { Ok(Response::default()) }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let v1 = Destination::new("waste-v1.internal").with_port(8000);
//! let v2 = Destination::new("waste-v2.internal").with_port(8000);
//!
//! let version = HeaderName::from_static("version");
//! let asked = HeaderMatch::new(version, StringMatch::exact("v2"));
//! let policy = TrafficSplitPolicy::new([
//!     Route::to(v2.clone()).with_match(Match::default().with_header(asked)),
//!     Route::split([(v1, 90), (v2, 10)])?
//!         .with_name("canary")
//!         .with_hash_policy(HashPolicy::cookie("user")),
//! ]);
//!
//! let split = TrafficSplitLayer::new(policy);
//! let service = ServiceBuilder::new().layer(split.clone()).service_fn(client);
//!
//! // Later, while requests run: half of them, all of them, or back to none.
//! split.set_weights("canary", [50, 50])?;
//! # let _ = service;
//! # Ok(())
//! # }
//! ```
//!
//! # A service for each destination
//!
//! The layer wraps one client, and makes the destination the authority of the request. Where each
//! destination has a service of its own, with its own connections, limits and circuit breaker,
//! [`TrafficSplit`] chooses among those. It is always ready: a destination that is not ready delays
//! only its own requests.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use http::{HeaderName, HeaderValue, Request, Response};
//! use meshless::traffic_split::{
//!     Destination, HeaderOperations, Match, PathRewrite, Rewrite, Route, StringMatch, TrafficSplit,
//!     TrafficSplitPolicy,
//! };
//! use tower::service_fn;
//!
//! # type Body = http_body_util::Empty<bytes::Bytes>;
//! # async fn answer(_: Request<()>) -> Result<Response<Body>, Infallible> { Ok(Response::default()) }
//! let users = Destination::new("users");
//! let waste = Destination::new("waste").with_subset("v2");
//!
//! let under = |prefix: &str| Match::default().with_path(StringMatch::prefix(prefix));
//! let mark = HeaderOperations::default().with_set(
//!     HeaderName::from_static("x-route"),
//!     HeaderValue::from_static("waste"),
//! );
//! let policy = TrafficSplitPolicy::new([
//!     Route::to(users.clone()).with_match(under("/api/v1/users")),
//!     Route::to(waste.clone())
//!         .with_match(under("/api/v1/waste"))
//!         .with_rewrite(Rewrite::default().with_path(PathRewrite::prefix("/waste")))
//!         .with_response_headers(mark),
//! ]);
//! let split = TrafficSplit::new(policy, [
//!     (users, service_fn(answer)),
//!     (waste, service_fn(answer)),
//! ]);
//! # let _ = tower::ServiceExt::<Request<()>>::oneshot(split, Request::default());
//! ```
//!
//! # Behaviour and its source
//!
//! Istio's API as Envoy 1.40 implements it. Details are as recorded there:
//!
//! - **Matches.** A route with several matches applies if one of them does; all conditions of a
//!   match have to hold. Each value of a repeated header is compared by itself. A regular
//!   expression has to match the whole text. The first query parameter of a name counts, undecoded;
//!   so does the first cookie. A path is normalized first
//!   ([`with_normalized_paths`](TrafficSplitPolicy::with_normalized_paths)).
//! - **Weights.** `random % total`, with 64 random bits for each request; they differ in every
//!   process and follow from a seed in tests. A [`HashPolicy`] key makes the choice permanent, the
//!   same in every replica. (In Istio the choice is never sticky between weighted destinations.)
//! - **Order.** The destination's header operations, then the route's, each removing, then setting,
//!   then adding; then the host; then the path, with the old ones in `x-envoy-original-host` and
//!   `x-envoy-original-path`.
//! - **Redirects.** The caller's query stays unless the new path has one; `:80` and `:443` are
//!   dropped when the scheme changes, and a port that is set is always written.
//! - **No route** is 404 ([`Rejection::NoRoute`], flag `NR`, gRPC status 12); a destination
//!   **without a service** is 503 ([`Rejection::UnknownDestination`], flag `NC`, gRPC status 14). A
//!   host without a [`VirtualHost`] passes unchanged, unless [unknown hosts are
//!   rejected](TrafficSplitPolicy::with_unknown_hosts_rejected).
//! # Request extensions
//!
//! [`Destination::of`] and [`RouteInfo::of`] find the choice in a request's extensions, for
//! services between the split and the connection: per-route timeouts, load balancing, telemetry.
//! Inserting it is the one allocation of a request that is forwarded unchanged (two, if it had no
//! extensions before). Rewriting a path or a host allocates the new one.
//!
//! # Algorithm of a sticky choice
//!
//! With `h` for FNV-1a of 64 bits followed by the output function of `SplitMix64`, `k` for `h(key)`
//! and `d` for `h("host|subset|port")` of a destination, each destination draws
//! `u = (mix(k ^ d) >> 12 + ½) / 2^52`, and the one with the smallest `-ln(u) / weight` is chosen.
//!
//! This is weighted rendezvous hashing. A change of one weight moves users to or from that
//! destination only, and exactly as many as its share changes; so does any change of two
//! destinations' weights. In general, when the shares change by δ in all (half the sum of the
//! differences), at most 2δ/(1 + δ) of all users move, which is the lowest bound for a choice
//! without memory.
//!
//! # Stickiness and retries
//!
//! Outside a retry layer, the split chooses once for all attempts; inside it, once for each
//! attempt, unless a key makes the choice sticky.
//!
//! [`Rejection::NoRoute`]: crate::Rejection::NoRoute
//! [`Rejection::UnknownDestination`]: crate::Rejection::UnknownDestination

pub(crate) mod actions;
mod apply;
mod destination;
mod future;
mod layer;
mod machine;
mod matching;
mod policy;
mod response_actions;
mod route_info;
pub(crate) mod routes;
mod service;

pub use actions::direct_response::DirectResponse;
pub use actions::headers::HeaderOperations;
pub use actions::headers::header_format::HeaderFormat;
pub use actions::redirect::Redirect;
pub use actions::rewrite::{PathRewrite, Rewrite};
pub use destination::Destination;
pub use future::{RoutedFuture, TrafficSplitFuture};
pub use layer::{TrafficRouter, TrafficSplitLayer};
#[cfg(feature = "istio")]
pub(crate) use machine::RouteIndex;
pub use machine::{Choice, Decision, Matched};
pub use matching::Match;
pub use matching::header_match::HeaderMatch;
pub use matching::path_match::PathMatch;
pub use matching::template::PathTemplate;
pub use policy::{RouteId, TrafficSplitPolicy};
#[cfg(feature = "istio")]
pub(crate) use response_actions::ResponseActions;
pub use route_info::RouteInfo;
#[cfg(feature = "istio")]
pub(crate) use routes::compiled_routes::{CompiledRoutes, RouteAction, find_first, local_reply};
pub use routes::route::Route;
pub use routes::virtual_host::VirtualHost;
pub use routes::weighted::WeightedDestination;
pub use routes::weights::WeightsError;
pub use service::TrafficSplit;

pub use crate::foundation::admission::NoopTicket;
pub use crate::foundation::http::{HashCookie, HashPolicy};
pub use crate::foundation::matching::{HostPattern, PatternError, StringMatch};

/// Response body of a traffic split: the destination's, or one of a local reply.
pub type RoutedBody<R> = crate::foundation::admission::WatchedBody<R, NoopTicket>;
