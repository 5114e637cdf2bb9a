//! Tokens of requests (JWT, RFC 7519): verified as Envoy's `jwt_authn` does, by Istio's `RequestAuthentication` or by hand.
//!
//! A token that is present must be valid, or the request is refused: 401, 403 for a wrong audience, with Envoy's texts and
//! `www-authenticate`. A request without a token passes, unless its rule [requires one](JwtRule::with_required_token); who may do
//! what is decided by the claims, which are an extension of the request: [`RequestClaims`](crate::identity::RequestClaims).
//!
//! # Example
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use meshless::identity::RequestClaims;
//! use meshless::jwt::{Jwks, JwtLayer, JwtPolicy, JwtRule};
//! use tower::{Layer, service_fn};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = Jwks::from_json(&std::fs::read_to_string("jwks.json")?)?;
//! let rule = JwtRule::new("https://issuer.example", keys).with_audiences(["orders"]);
//! let service = JwtLayer::new(JwtPolicy::new([rule])).layer(service_fn(
//!     |request: http::Request<String>| async move {
//!         let claims = RequestClaims::of(request.extensions());
//!         let name = claims.and_then(RequestClaims::subject).unwrap_or("a stranger");
//!         Ok::<_, std::convert::Infallible>(http::Response::new(format!("hello {name}")))
//!     },
//! ));
//! # let _ = service;
//! # Ok(())
//! # }
//! ```
//!
//! Keys that an issuer publishes are fetched by a [`JwksSource`], over any service:
//!
//! ```
//! # #[cfg(feature = "reqwest")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use meshless::client::Transport;
//! use meshless::jwt::{JwksPolicy, JwksSource, JwtRule};
//!
//! // The second type is the body of the requests, of which `Transport` takes several.
//! let keys = JwksSource::discover::<_, meshless::client::Body, _>(
//!     "https://issuer.example",
//!     JwksPolicy::default(),
//!     Transport::default(),
//! )?;
//! let rule = JwtRule::new("https://issuer.example", keys);
//! # let _ = rule;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "reqwest"))]
//! # fn main() {}
//! ```
//!
//! # The library for signatures
//!
//! The application chooses it, by a feature of jsonwebtoken in its own `Cargo.toml`:
//!
//! ```toml
//! jsonwebtoken = { version = "12", default-features = false, features = ["aws_lc_rs"] } # or "rust_crypto"
//! ```
//!
//! Without one, or with both, [`Jwks::from_json`] and [`JwksSource::new`] return [`JwksError::NoCryptoProvider`]. Where other
//! crates enable both, the application calls `jsonwebtoken::crypto::…::DEFAULT_PROVIDER.install_default()` once as it starts.
//!
//! # What is safe
//!
//! - The type of a key decides about the algorithm. `none` is refused, and a public key is never a secret of HMAC.
//! - `crit` is refused, since no extension is known (RFC 7515). `jwk`, `jku` and `x5c` in a token are not looked at.
//! - Of several tokens in the places of a rule each must be valid. Several `Authorization` fields are one value.
//! - Headers that a rule writes are removed from each request first, preflights included. A claim with a line break is not
//!   sent in a header.
//! - The token is removed from the request, unless the rule [forwards it](JwtRule::with_forwarded_token).
//! - CORS preflights are not checked: browsers send them without credentials.

mod cache;
mod future;
mod gate;
mod keys;
mod layer;
mod machine;
mod policy;
mod rule;
mod service;
mod shared;
pub(crate) mod source;
mod token;

pub use future::AuthenticateFuture;
pub use gate::{JwtGate, JwtTicket};
#[cfg(feature = "istio")]
pub(crate) use keys::check_provider;
pub use keys::{Jwks, JwksError};
pub use layer::JwtLayer;
pub use policy::JwtPolicy;
pub use rule::{JwtKeys, JwtRule};
pub use service::Authenticate;
pub use source::{JwksPolicy, JwksSource, JwksUriError};

pub use crate::foundation::outcome::JwtStatus;

use crate::foundation::admission::Queued;

/// Checks the tokens of requests before the service that it wraps.
///
/// See the [module docs](self) for an example.
pub type Jwt<S> = Authenticate<Queued<S, JwtGate>>;

/// Response future of [`Jwt`].
pub type JwtFuture<S, B> = AuthenticateFuture<Queued<S, JwtGate>, B>;

/// Statistics of a layer.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct JwtStats {
    /// Number of tokens whose verification is remembered at this moment.
    pub cached: usize,
    /// Number of requests that were refused.
    pub refused: u64,
}
