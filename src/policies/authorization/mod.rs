//! Authorization: lets a request pass by its caller, its operation and its token, as Istio's `AuthorizationPolicy` does.
//!
//! # Example
//!
//! Let the service `cart` read items, and no other caller anything:
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Empty;
//! use meshless::authorization::{
//!     AuthorizationLayer, AuthorizationPolicy, OperationMatch, Rule, SourceMatch,
//! };
//! use meshless::identity::PeerIdentity;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let app = service_fn(|_: Request<Empty<Bytes>>| async {
//! #     Ok::<_, std::convert::Infallible>(Response::new(Empty::<Bytes>::new()))
//! # });
//! let rule = Rule::new()
//!     .from(SourceMatch::new().with_principals(["cluster.local/ns/shop/sa/cart"]))
//!     .to(OperationMatch::new().with_methods(["GET"]).with_paths(["/items/*"]));
//! let layer = AuthorizationLayer::new([AuthorizationPolicy::allow("readers").with_rule(rule)])?;
//! let app = layer.layer(app);
//!
//! // A listener with mTLS inserts the identity; see `meshless::identity`.
//! let cart = PeerIdentity::new("spiffe://cluster.local/ns/shop/sa/cart")?;
//! let request = || Request::get("/items/1");
//! let allowed = app.clone().oneshot(request().extension(cart).body(Empty::new())?).await?;
//! assert_eq!(allowed.status(), 200);
//! let denied = app.oneshot(request().body(Empty::new())?).await?;
//! assert_eq!(denied.status(), 403);
//! # Ok(())
//! # }
//! ```
//!
//! # Decision
//!
//! 1. A policy with the action `CUSTOM` that matches: its [external authorizer](Authorize) is asked. It denies the
//!    request, also by an error or its absence; otherwise the decision goes on. In a mesh it is asked before tokens are
//!    checked, as in Istio, and may bring the token.
//! 2. `AUDIT`: a match is reported as [`EventKind::Audited`](crate::events::EventKind::Audited), and decides nothing.
//! 3. `DENY`: a match denies.
//! 4. `ALLOW`: a match allows. If there is such a policy and none matches, the request is denied; without any it
//!    passes.
//!
//! A request that is denied gets 403 and `RBAC: access denied`, over gRPC the status 7, as from Envoy. The response's
//! [`Rejection`](crate::Rejection) has the reason and its [`Source`](crate::events::Source) the rule, with file and
//! line in a mesh; neither is sent to the caller.
//!
//! A policy [in dry run](AuthorizationPolicy::with_dry_run) decides nothing: it is counted in the
//! [statistics](AuthorizationLayer::stats), and denials are reported as
//! [`EventKind::WouldReject`](crate::events::EventKind::WouldReject).
//!
//! # Comparison
//!
//! - A path is normalized first (Istio's `BASE`), and the application gets it in that form: a rule for `/admin`
//!   holds for `/%61dmin` and `/x/../admin`. One that cannot be normalized gets 400.
//! - A request without a certificate has no principal, namespace and trust domain, and one without a token no claims:
//!   values do not match, and excluded values do not exclude.
//! - The address of the peer, and address and port of the server, are facts that the server makes known
//!   ([`PeerAddress`](crate::rate_limit::PeerAddress), [`LocalAddress`](crate::identity::LocalAddress)). Where they
//!   are unknown, a rule that compares them denies under `DENY` and does not allow under `ALLOW`.

#[cfg(all(feature = "istio", feature = "jwt"))]
#[expect(
    unnameable_types,
    reason = "parts of opaque services, which users reach through `Service` alone"
)]
mod ask_first;
mod explanation;
mod external;
mod gate;
mod http_authorizer;
mod layer;
mod machine;
mod policies;
mod policy;
mod service;
mod shared;
mod stats;
mod ticket;
mod wait;

pub use explanation::AccessExplanation;
pub use external::{Authorize, CheckFuture, CheckRequest, CheckResponse};
pub use gate::AuthorizationGate;
pub use http_authorizer::HttpAuthorizer;
pub use layer::AuthorizationLayer;
pub use machine::PolicyError;
pub use policies::AuthorizationPolicies;
pub use policy::{Action, AuthorizationPolicy, Condition, OperationMatch, Rule, SourceMatch};
pub use service::Authorization;
pub use stats::{AuthorizationStats, PolicyStats};
pub use ticket::AuthorizationTicket;
pub use wait::AuthorizationWait;

#[cfg(all(feature = "istio", feature = "jwt"))]
pub(crate) use ask_first::{AskFirst, Unasked};
#[cfg(feature = "istio")]
pub(crate) use machine::{RemoteAddress, check_path_template};
#[cfg(feature = "istio")]
pub(crate) use service::normalize;
