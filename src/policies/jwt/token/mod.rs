//! A token, from its text to its claims; nothing is verified here.

mod algorithm;
pub(super) mod json;

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

pub(super) use algorithm::TokenAlgorithm;

use crate::foundation::identity::ClaimValue;
use crate::foundation::outcome::JwtStatus;

/// Tolerance between the clocks of issuer and server, in seconds: Envoy's default.
const CLOCK_SKEW: u64 = 60;

/// Maximum length in bytes; servers limit their heads to about as much.
const MAX_LENGTH: usize = 64 << 10;

/// Envoy's decoder takes padding or leaves it, and does not look at the bits that no byte needs.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A token that is well formed.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) algorithm: TokenAlgorithm,
    pub(super) claims: BTreeMap<Box<str>, ClaimValue>,
    /// Seconds since 1970; none if it never expires.
    pub(super) expires: Option<u64>,
    /// The id of its key; empty for none.
    pub(super) kid: Box<str>,
    /// Seconds since 1970.
    pub(super) not_before: u64,
    /// The payload as it was sent.
    pub(super) payload: &'a str,
    pub(super) signature: Vec<u8>,
    /// Header and payload as they were sent, which the signature is of.
    pub(super) signed: Cow<'a, str>,
}

impl<'a> Token<'a> {
    /// Parses a token with Envoy's rules in Envoy's order, and `crit` beside them.
    pub(super) fn parse(text: &'a str, takes_crit: bool) -> Result<Self, JwtStatus> {
        let mut sections = text.split('.').filter(|section| !section.is_empty());
        let all = (
            sections.next(),
            sections.next(),
            sections.next(),
            sections.next(),
        );
        let (Some(header), Some(payload), Some(signature), None) = all else {
            return Err(JwtStatus::BadFormat);
        };
        if text.len() > MAX_LENGTH {
            return Err(JwtStatus::BadFormat);
        }
        let head = decode(header).ok_or(JwtStatus::HeaderBase64)?;
        let head = json::object(&head).ok_or(JwtStatus::HeaderJson)?;
        let algorithm = match head.get("alg") {
            Some(ClaimValue::Text(name)) => {
                TokenAlgorithm::named(name).ok_or(JwtStatus::AlgNotSupported)?
            }
            _ => return Err(JwtStatus::HeaderAlg),
        };
        let kid = match head.get("kid") {
            None => Box::default(),
            Some(ClaimValue::Text(kid)) => kid.clone(),
            Some(_) => return Err(JwtStatus::HeaderKid),
        };
        if head.contains_key("crit") && !takes_crit {
            return Err(JwtStatus::CritNotSupported);
        }
        let body = decode(payload).ok_or(JwtStatus::PayloadBase64)?;
        let claims = json::object(&body).ok_or(JwtStatus::PayloadJson)?;
        is_text_or_none(&claims, "iss").ok_or(JwtStatus::IssuerType)?;
        is_text_or_none(&claims, "sub").ok_or(JwtStatus::SubjectType)?;
        let types = (JwtStatus::IssuedAtType, JwtStatus::IssuedAtRange);
        time(&claims, "iat", types)?;
        let types = (JwtStatus::NotBeforeType, JwtStatus::NotBeforeRange);
        let not_before = time(&claims, "nbf", types)?;
        let types = (JwtStatus::ExpirationType, JwtStatus::ExpirationRange);
        let expires = time(&claims, "exp", types)?;
        is_text_or_none(&claims, "jti").ok_or(JwtStatus::IdType)?;
        match claims.get("aud") {
            None | Some(ClaimValue::Text(_)) => {}
            Some(ClaimValue::List(items)) if items.iter().all(|item| item.as_text().is_some()) => {}
            Some(_) => return Err(JwtStatus::AudienceType),
        }
        let signature = decode(signature).ok_or(JwtStatus::SignatureBase64)?;
        let joined = header.len() + 1 + payload.len();
        let is_joined = text.get(..header.len()) == Some(header)
            && text.get(header.len() + 1..joined) == Some(payload);
        Ok(Self {
            algorithm,
            claims,
            // 0 is none, as for Envoy.
            expires: (expires > 0).then_some(expires),
            kid,
            not_before,
            payload,
            signature,
            signed: if is_joined {
                Cow::Borrowed(&text[..joined])
            } else {
                Cow::Owned(format!("{header}.{payload}"))
            },
        })
    }

    /// Returns the issuer; empty for none.
    pub(super) fn issuer(&self) -> &str {
        self.claims
            .get("iss")
            .and_then(ClaimValue::as_text)
            .unwrap_or("")
    }

    /// Returns the audiences, none, one or several.
    pub(super) fn audiences(&self) -> impl Iterator<Item = &str> {
        let audiences = self.claims.get("aud").map_or(&[][..], |value| match value {
            ClaimValue::List(items) => items,
            one => std::slice::from_ref(one),
        });
        audiences.iter().filter_map(ClaimValue::as_text)
    }
}

/// Checks the times of a token, all in seconds since 1970.
pub(super) const fn check_times(
    not_before: u64,
    expires: Option<u64>,
    now: u64,
) -> Result<(), JwtStatus> {
    if now.saturating_add(CLOCK_SKEW) < not_before {
        return Err(JwtStatus::NotYetValid);
    }
    match expires {
        Some(expires) if now > expires.saturating_add(CLOCK_SKEW) => Err(JwtStatus::Expired),
        _ => Ok(()),
    }
}

/// Decodes base64url with or without padding; blanks in it are passed over.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        let text: String = text.split_ascii_whitespace().collect();
        return BASE64.decode(text).ok();
    }
    BASE64.decode(text).ok()
}

/// Returns `Some` if the claim is a string or not there.
fn is_text_or_none(claims: &BTreeMap<Box<str>, ClaimValue>, name: &str) -> Option<()> {
    match claims.get(name) {
        None | Some(ClaimValue::Text(_)) => Some(()),
        Some(_) => None,
    }
}

/// Reads a claim in seconds since 1970, 0 if it is not there.
fn time(
    claims: &BTreeMap<Box<str>, ClaimValue>,
    name: &str,
    (no_number, no_time): (JwtStatus, JwtStatus),
) -> Result<u64, JwtStatus> {
    // 2^64, the first double beyond.
    const END: f64 = 18_446_744_073_709_551_616.0;
    match claims.get(name) {
        None => Ok(0),
        Some(ClaimValue::Number(number)) if (0.0..END).contains(number) =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "within the bounds; fractions are cut off, as Envoy does"
            )]
            Ok(*number as u64)
        }
        Some(ClaimValue::Number(_)) => Err(no_time),
        Some(_) => Err(no_number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_minute_of_tolerance() {
        let now = 1_000;
        assert_eq!(check_times(1_060, None, now), Ok(()));
        assert_eq!(check_times(1_061, None, now), Err(JwtStatus::NotYetValid));
        assert_eq!(check_times(0, Some(940), now), Ok(()));
        assert_eq!(check_times(0, Some(939), now), Err(JwtStatus::Expired));
        assert_eq!(check_times(0, Some(u64::MAX), u64::MAX), Ok(()));
    }

    #[test]
    fn a_critical_extension_is_refused_unless_envoys_behaviour_is_wanted() {
        let encode = |text: &str| BASE64.encode(text);
        let header = encode(r#"{"alg":"RS256","crit":["x"],"x":1}"#);
        let token = format!("{header}.{}.AAAA", encode("{}"));
        let refused = Token::parse(&token, false).map(|_| ());
        assert_eq!(refused, Err(JwtStatus::CritNotSupported));
        assert!(Token::parse(&token, true).is_ok());
    }
}
