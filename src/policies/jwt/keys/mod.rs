//! Sets of keys (JWKS, RFC 7517), and the check of a signature.

mod error;
mod jwk;

use std::sync::Arc;

use jsonwebtoken::crypto::CryptoProvider;

pub use error::JwksError;
use jwk::Jwk;

use super::token::{Token, json};
use crate::foundation::identity::ClaimValue;
use crate::foundation::outcome::JwtStatus;

/// Maximum length of a set in bytes.
pub(super) const MAX_LENGTH: usize = 1 << 20;
/// Maximum number of keys, each of which a token without `kid` is compared with.
const MAX_KEYS: usize = 256;

/// A set of public keys (JWKS).
///
/// The types are `RSA` of 1,024 to 8,192 bits with the exponent 3 or 65,537, `EC` with `P-256` or `P-384`, `OKP` with
/// `Ed25519`, and `oct`. Other keys of a set are passed over. P-521 is known, and no token verifies by it.
///
/// Cloning is one atomic increment.
#[derive(Clone, Debug)]
pub struct Jwks(Arc<[Jwk]>);

impl Jwks {
    /// Reads a set: a JSON object with the list `keys`.
    ///
    /// # Errors
    ///
    /// If the text is no such object, has no usable key, or is too large; [`JwksError::NoCryptoProvider`] if the
    /// application has not chosen one.
    pub fn from_json(text: &str) -> Result<Self, JwksError> {
        let provider = provider()?;
        let keys = members(text)?;
        let keys: Arc<[_]> = keys
            .iter()
            .filter_map(|key| match key {
                ClaimValue::Object(members) => Jwk::of(members, provider),
                _ => None,
            })
            .collect();
        if keys.is_empty() {
            return Err(JwksError::NoValidKeys);
        }
        Ok(Self(keys))
    }

    /// Returns the number of usable keys.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "a set without a usable key cannot be made"
    )]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Checks the signature of a token: by the keys with its `kid`, or by all if one of the two has none.
    pub(super) fn verify(&self, token: &Token<'_>) -> Result<(), JwtStatus> {
        let provider = provider().map_err(|_| JwtStatus::NoValidKeys)?;
        let mut status = JwtStatus::NoMatchingKey;
        for key in self.0.iter().filter(|key| key.matches(token)) {
            match key.verify(token, provider) {
                Err(JwtStatus::VerificationFailed) => status = JwtStatus::VerificationFailed,
                decided => return decided,
            }
        }
        Err(status)
    }
}

/// Returns the library for signatures that the application has chosen.
fn provider() -> Result<&'static CryptoProvider, JwksError> {
    CryptoProvider::try_get_default().ok_or(JwksError::NoCryptoProvider)
}

/// Checks that the application has chosen a library for signatures.
pub(crate) fn check_provider() -> Result<(), JwksError> {
    provider().map(|_| ())
}

/// Returns the list of keys.
fn members(text: &str) -> Result<Vec<ClaimValue>, JwksError> {
    if text.len() > MAX_LENGTH {
        return Err(JwksError::TooLarge);
    }
    let mut members = json::object(text.as_bytes()).ok_or(JwksError::NoJson)?;
    match members.remove("keys") {
        Some(ClaimValue::List(keys)) if keys.len() > MAX_KEYS => Err(JwksError::TooMany),
        Some(ClaimValue::List(keys)) => Ok(keys),
        Some(_) => Err(JwksError::BadKeys),
        None => Err(JwksError::NoKeys),
    }
}
