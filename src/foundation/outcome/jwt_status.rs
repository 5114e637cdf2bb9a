use std::fmt::{self, Display, Formatter};

use http::StatusCode;

use crate::foundation::http::GrpcStatus;

/// The reason why the token of a request was refused, in the order in which tokens are checked. Its text is Envoy's.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum JwtStatus {
    /// The request has no token, and its rule requires one.
    Missing,
    /// The token has not three sections.
    BadFormat,
    /// The header is no base64url.
    HeaderBase64,
    /// The header is no JSON object.
    HeaderJson,
    /// The header has no `alg`, or one that is no string.
    HeaderAlg,
    /// `alg` is none of JWS, or `none`.
    AlgNotSupported,
    /// `kid` is no string.
    HeaderKid,
    /// `crit` names extensions, of which none is known (RFC 7515, 4.1.11). Envoy does not look at it.
    CritNotSupported,
    /// The payload is no base64url.
    PayloadBase64,
    /// The payload is no JSON object, or has a name twice.
    PayloadJson,
    /// `iss` is no string.
    IssuerType,
    /// `sub` is no string.
    SubjectType,
    /// `iat` is no number.
    IssuedAtType,
    /// `iat` is no positive 64-bit integer.
    IssuedAtRange,
    /// `nbf` is no number.
    NotBeforeType,
    /// `nbf` is no positive 64-bit integer.
    NotBeforeRange,
    /// `exp` is no number.
    ExpirationType,
    /// `exp` is no positive 64-bit integer.
    ExpirationRange,
    /// `jti` is no string.
    IdType,
    /// `aud` is no string or list of strings.
    AudienceType,
    /// The signature is no base64url.
    SignatureBase64,
    /// No rule has the issuer.
    UnknownIssuer,
    /// `nbf` is over a minute ahead.
    NotYetValid,
    /// `exp` is over a minute ago.
    Expired,
    /// None of the audiences is one of the rule's: the only reason with the status 403.
    AudienceNotAllowed,
    /// The rule has no usable key.
    NoValidKeys,
    /// The keys could not be fetched, and there are none from before.
    JwksFetchFailed,
    /// No key has the `kid` and the `alg` of the token.
    NoMatchingKey,
    /// The signature has not the length of Ed25519.
    SignatureLength,
    /// The signature is not that of a matching key.
    VerificationFailed,
}

impl JwtStatus {
    /// Returns the reason as a metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::UnknownIssuer => "unknown_issuer",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::AudienceNotAllowed => "audience",
            Self::NoValidKeys => "no_valid_keys",
            Self::JwksFetchFailed => "jwks_fetch_failed",
            Self::NoMatchingKey => "no_matching_key",
            Self::SignatureLength | Self::VerificationFailed => "signature",
            _ => "malformed",
        }
    }

    /// Returns the text of the response.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "Jwt is missing",
            Self::BadFormat => {
                "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
            }
            Self::HeaderBase64 => "Jwt header is an invalid Base64url encoded",
            Self::HeaderJson => "Jwt header is an invalid JSON",
            Self::HeaderAlg => "Jwt header [alg] field is required and must be a string",
            Self::AlgNotSupported => "Jwt header [alg] is not supported",
            Self::HeaderKid => "Jwt header [kid] field is not a string",
            Self::CritNotSupported => "Jwt header [crit] is not supported",
            Self::PayloadBase64 => "Jwt payload is an invalid Base64url encoded",
            Self::PayloadJson => "Jwt payload is an invalid JSON",
            Self::IssuerType => "Jwt payload [iss] field is not a string",
            Self::SubjectType => "Jwt payload [sub] field is not a string",
            Self::IssuedAtType => "Jwt payload [iat] field is not an integer",
            Self::IssuedAtRange => "Jwt payload [iat] field is not a positive 64 bit integer",
            Self::NotBeforeType => "Jwt payload [nbf] field is not an integer",
            Self::NotBeforeRange => "Jwt payload [nbf] field is not a positive 64 bit integer",
            Self::ExpirationType => "Jwt payload [exp] field is not an integer",
            Self::ExpirationRange => "Jwt payload [exp] field is not a positive 64 bit integer",
            Self::IdType => "Jwt payload [jti] field is not a string",
            Self::AudienceType => "Jwt payload [aud] field is not a string or string list",
            Self::SignatureBase64 => "Jwt signature is an invalid Base64url encoded",
            Self::UnknownIssuer => "Jwt issuer is not configured",
            Self::NotYetValid => "Jwt not yet valid",
            Self::Expired => "Jwt is expired",
            Self::AudienceNotAllowed => "Audiences in Jwt are not allowed",
            Self::NoValidKeys => "Jwks doesn't have any valid public key",
            Self::JwksFetchFailed => "Jwks remote fetch is failed",
            Self::NoMatchingKey => "Jwks doesn't have key to match kid or alg from Jwt",
            Self::SignatureLength => "Jwt ED25519 signature is wrong length",
            Self::VerificationFailed => "Jwt verification fails",
        }
    }

    pub(in crate::foundation::outcome) const fn status(self) -> StatusCode {
        match self {
            Self::AudienceNotAllowed => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    pub(in crate::foundation::outcome) const fn grpc_status(self) -> GrpcStatus {
        match self {
            Self::AudienceNotAllowed => GrpcStatus::PERMISSION_DENIED,
            _ => GrpcStatus::UNAUTHENTICATED,
        }
    }
}

impl Display for JwtStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
