use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use http::Extensions;

/// The SPIFFE identity of the peer of a connection, as a request extension.
///
/// A listener inserts it after it has verified the peer's certificate. In Istio's form it is
/// `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`; others are valid and have no namespace. A request
/// without this extension came without a certificate.
///
/// Cloning is one atomic increment.
///
/// ```
/// use meshless::identity::PeerIdentity;
///
/// let caller = PeerIdentity::new("spiffe://cluster.local/ns/shop/sa/cart")?;
/// assert_eq!(caller.trust_domain(), "cluster.local");
/// assert_eq!(caller.namespace(), Some("shop"));
/// assert_eq!(caller.service_account(), Some("cart"));
/// # Ok::<(), meshless::identity::IdentityError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct PeerIdentity {
    uri: Arc<str>,
    /// End of the trust domain.
    authority_end: usize,
}

/// Reason why a text is no SPIFFE ID.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdentityError {
    /// A segment of the path is empty, a dot segment, or has other characters than letters, digits, `.`, `-` and `_`.
    #[error("the path of a SPIFFE ID has segments of letters, digits, `.`, `-` and `_`")]
    Path,
    /// The text does not begin with `spiffe://`.
    #[error("a SPIFFE ID begins with `spiffe://`")]
    Scheme,
    /// The text has over 2,048 bytes.
    #[error("a SPIFFE ID has at most 2048 bytes")]
    TooLong,
    /// The trust domain is empty, has over 255 bytes, or other characters than lower-case letters, digits, `.`, `-` and
    /// `_`.
    #[error("a trust domain has 1 to 255 lower-case letters, digits, `.`, `-` and `_`")]
    TrustDomain,
}

const SCHEME: &str = "spiffe://";
/// Limits of the SPIFFE standard, in bytes.
const MAX_LENGTH: usize = 2_048;
const MAX_TRUST_DOMAIN: usize = 255;

impl PeerIdentity {
    /// Creates an identity of a SPIFFE ID.
    ///
    /// # Errors
    ///
    /// If the text breaks a rule of the SPIFFE ID standard.
    pub fn new(id: &str) -> Result<Self, IdentityError> {
        let identity = Self::from_uri(id)?;
        let domain = identity.trust_domain().bytes();
        let is_valid =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if domain.len() > MAX_TRUST_DOMAIN
            || !domain
                .into_iter()
                .all(|byte| is_valid(byte) && !byte.is_ascii_uppercase())
        {
            return Err(IdentityError::TrustDomain);
        }
        let mut segments = identity.path().split('/').skip(1);
        let is_path = segments
            .all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_valid));
        if is_path {
            Ok(identity)
        } else {
            Err(IdentityError::Path)
        }
    }

    /// Creates an identity of any URI with the scheme `spiffe`, such as one of a certificate that another layer has
    /// verified.
    ///
    /// # Errors
    ///
    /// If the text does not begin with `spiffe://`, has no trust domain, over 2,048 bytes, or a character that no URI
    /// has.
    pub fn from_uri(uri: &str) -> Result<Self, IdentityError> {
        if uri.len() > MAX_LENGTH {
            return Err(IdentityError::TooLong);
        }
        let rest = uri.strip_prefix(SCHEME).ok_or(IdentityError::Scheme)?;
        let length = rest.find('/').unwrap_or(rest.len());
        if length == 0 {
            return Err(IdentityError::TrustDomain);
        }
        if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(IdentityError::Path);
        }
        Ok(Self {
            uri: uri.into(),
            authority_end: SCHEME.len() + length,
        })
    }

    /// Returns the identity from the extensions of a request.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Returns the whole URI, such as `spiffe://cluster.local/ns/shop/sa/cart`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// Returns the URI without its scheme, as authorization policies write principals.
    #[must_use]
    pub fn principal(&self) -> &str {
        &self.uri[SCHEME.len()..]
    }

    /// Returns the trust domain.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.uri[SCHEME.len()..self.authority_end]
    }

    /// Returns the path, with its leading slash; empty if there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.uri[self.authority_end..]
    }

    /// Returns the Kubernetes namespace; none if the path is not in Istio's form.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        Some(self.parts()?.0)
    }

    /// Returns the Kubernetes service account; none if the path is not in Istio's form.
    #[must_use]
    pub fn service_account(&self) -> Option<&str> {
        Some(self.parts()?.1)
    }

    fn parts(&self) -> Option<(&str, &str)> {
        let (namespace, account) = self.path().strip_prefix("/ns/")?.split_once("/sa/")?;
        let is_one = |segment: &str| !segment.is_empty() && !segment.contains('/');
        (is_one(namespace) && is_one(account)).then_some((namespace, account))
    }
}

impl Display for PeerIdentity {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_in_the_form_of_istio_has_namespace_and_service_account() {
        let cart = PeerIdentity::new("spiffe://cluster.local/ns/shop/sa/cart").unwrap();
        assert_eq!(cart.principal(), "cluster.local/ns/shop/sa/cart");
        assert_eq!(cart.trust_domain(), "cluster.local");
        assert_eq!(cart.namespace(), Some("shop"));
        assert_eq!(cart.service_account(), Some("cart"));
        for other in [
            "spiffe://td",
            "spiffe://td/workload",
            "spiffe://td/ns/a/b/sa/c",
        ] {
            let other = PeerIdentity::new(other).unwrap();
            assert_eq!(other.namespace(), None, "{other}");
            assert_eq!(other.service_account(), None, "{other}");
            assert_eq!(other.trust_domain(), "td");
        }
    }

    #[test]
    fn the_rules_of_spiffe_hold() {
        let long = format!("spiffe://td/{}", "a".repeat(2_048));
        let domain = format!("spiffe://{}/a", "a".repeat(256));
        for (id, error) in [
            ("https://td/a", IdentityError::Scheme),
            ("SPIFFE://td/a", IdentityError::Scheme),
            ("spiffe:///a", IdentityError::TrustDomain),
            ("spiffe://Td/a", IdentityError::TrustDomain),
            ("spiffe://user@td/a", IdentityError::TrustDomain),
            ("spiffe://td:80/a", IdentityError::TrustDomain),
            (&domain, IdentityError::TrustDomain),
            ("spiffe://td/", IdentityError::Path),
            ("spiffe://td/a//b", IdentityError::Path),
            ("spiffe://td/a/../b", IdentityError::Path),
            ("spiffe://td/a%2fb", IdentityError::Path),
            ("spiffe://td/a?b", IdentityError::Path),
            (&long, IdentityError::TooLong),
        ] {
            assert_eq!(PeerIdentity::new(id), Err(error), "{id}");
        }
        // A certificate may have such an identity; the listener decides about it.
        let uri = "spiffe://td/ns/rule[0]/sa/a";
        assert_eq!(PeerIdentity::from_uri(uri).unwrap().as_str(), uri);
    }
}
