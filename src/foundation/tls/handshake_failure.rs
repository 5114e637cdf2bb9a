use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Reason why a TLS handshake failed.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HandshakeFailure {
    /// The peer's certificate is that of a certificate authority (`CA: true`).
    CaCertificate,
    /// The peer closed the connection during the handshake.
    Closed,
    /// The peer's certificate is expired.
    Expired,
    /// The URI of the peer's certificate is no SPIFFE ID with a path.
    InvalidSpiffeId(Box<str>),
    /// The peer's certificate is not encoded as X.509 is.
    Malformed,
    /// The peer has no certificate.
    NoCertificate,
    /// The peer's certificate does not allow digital signatures.
    NoDigitalSignature,
    /// The peer's certificate is not valid yet.
    NotYetValid,
    /// The peer's certificate has no URI, so it identifies no workload.
    NoUri,
    /// The TLS library failed for another reason.
    Other(Box<str>),
    /// The peer refused the handshake with this alert; the reason is in its log.
    RefusedByPeer(Box<str>),
    /// The peer's certificate has several URIs, of which one would have to be believed.
    SeveralUris,
    /// The peer's certificate may sign certificates or revocation lists.
    SigningCertificate,
    /// The handshake took longer than this.
    TimedOut(Duration),
    /// No root of the peer's trust domain has signed its certificate.
    UnknownIssuer,
    /// The bundle has no roots of the peer's trust domain.
    UnknownTrustDomain(Box<str>),
    /// The peer's certificate is valid, but for none of the expected names.
    WrongName(Box<str>),
}

impl HandshakeFailure {
    /// Returns the reason as a metric label.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::CaCertificate => "ca_certificate",
            Self::Closed => "closed",
            Self::Expired => "expired",
            Self::InvalidSpiffeId(_) => "invalid_spiffe_id",
            Self::Malformed => "malformed",
            Self::NoCertificate => "no_certificate",
            Self::NoDigitalSignature => "no_digital_signature",
            Self::NotYetValid => "not_yet_valid",
            Self::NoUri => "no_uri",
            Self::Other(_) => "other",
            Self::RefusedByPeer(_) => "refused_by_peer",
            Self::SeveralUris => "several_uris",
            Self::SigningCertificate => "signing_certificate",
            Self::TimedOut(_) => "timed_out",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnknownTrustDomain(_) => "unknown_trust_domain",
            Self::WrongName(_) => "wrong_name",
        }
    }
}

impl Display for HandshakeFailure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaCertificate => f.write_str("certificate of a certificate authority"),
            Self::Closed => f.write_str("connection closed by the peer"),
            Self::Expired => f.write_str("certificate expired"),
            Self::InvalidSpiffeId(uri) => {
                write!(
                    f,
                    "URI of the certificate is no SPIFFE ID with a path: {uri:?}"
                )
            }
            Self::Malformed => f.write_str("certificate not encoded as X.509"),
            Self::NoCertificate => f.write_str("no certificate"),
            Self::NoDigitalSignature => {
                f.write_str("certificate does not allow digital signatures")
            }
            Self::NotYetValid => f.write_str("certificate not valid yet"),
            Self::NoUri => f.write_str("certificate without a SPIFFE ID"),
            Self::Other(reason) => f.write_str(reason),
            Self::RefusedByPeer(alert) => write!(f, "peer refused the handshake: {alert}"),
            Self::SeveralUris => f.write_str("certificate with several URIs"),
            Self::SigningCertificate => {
                f.write_str("certificate that may sign certificates or revocation lists")
            }
            Self::TimedOut(limit) => write!(f, "handshake not completed within {limit:?}"),
            Self::UnknownIssuer => {
                f.write_str("certificate not signed by a root of its trust domain")
            }
            Self::UnknownTrustDomain(domain) => {
                write!(f, "no roots for the trust domain {domain}")
            }
            Self::WrongName(names) => {
                write!(f, "certificate for other names than the expected: {names}")
            }
        }
    }
}

impl Error for HandshakeFailure {}
