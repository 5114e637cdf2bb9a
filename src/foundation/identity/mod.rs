//! Identities of callers, as extensions of a request: of its connection, by certificate, and of its token.

mod claim_value;
mod connection;
mod peer_identity;
mod request_claims;

pub use claim_value::ClaimValue;
pub use connection::{LocalAddress, ServerName};
pub use peer_identity::{IdentityError, PeerIdentity};
#[cfg(any(
    feature = "admin",
    feature = "cli",
    feature = "jwt",
    feature = "reqwest"
))]
pub use request_claims::ClaimsError;
pub use request_claims::RequestClaims;
