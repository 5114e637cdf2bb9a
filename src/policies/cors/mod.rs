//! CORS: tells browsers which pages of other origins may read a response, as Envoy's filter and Istio's `corsPolicy` do.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use http::{Method, Request, Response};
//! use http_body_util::Empty;
//! use meshless::cors::{CorsLayer, CorsPolicy};
//! use meshless::traffic_split::StringMatch;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let app = service_fn(|_: Request<Empty<Bytes>>| async {
//! #     Ok::<_, std::convert::Infallible>(Response::new(Empty::<Bytes>::new()))
//! # });
//! let policy = CorsPolicy::new([StringMatch::exact("https://shop.example.com")])
//!     .with_allow_methods(["GET", "PUT"]);
//! let app = CorsLayer::new(policy).layer(app);
//!
//! let preflight = Request::options("/")
//!     .header("origin", "https://shop.example.com")
//!     .header("access-control-request-method", "PUT");
//! let response = app.oneshot(preflight.body(Empty::new())?).await?;
//! assert_eq!(response.status(), 200);
//! assert_eq!(response.headers()["access-control-allow-methods"], "GET,PUT");
//! # Ok(())
//! # }
//! ```
//!
//! # Behaviour
//!
//! - A preflight (`OPTIONS` with `Origin` and `Access-Control-Request-Method`) of an origin that is allowed is answered
//!   here, with 200; the application does not receive it. That of another origin is forwarded, or answered without
//!   permission ([`with_unmatched_preflights`](CorsPolicy::with_unmatched_preflights)).
//! - Any other response to an allowed origin gets its origin in `access-control-allow-origin`, also a local reply of an
//!   inner layer.
//! - A request without `Origin` passes unchanged.

mod gate;
mod layer;
mod machine;
mod policy;

pub use gate::{CorsGate, CorsTicket};
pub use layer::CorsLayer;
pub use policy::{CorsPolicy, UnmatchedPreflights};

use crate::foundation::admission::{Gated, GatedFuture};

/// Adds headers of CORS to the responses of the service that it wraps, and answers preflights.
///
/// See the [module docs](self) for an example.
pub type Cors<S> = Gated<S, CorsGate>;

/// Response future of [`Cors`].
pub type CorsFuture<F> = GatedFuture<F, CorsTicket>;
