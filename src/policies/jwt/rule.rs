use http::HeaderName;

use super::{Jwks, JwksSource};

/// Rule about the tokens of one issuer: where they are, what they must say, and what becomes of them.
///
/// The defaults are Istio's.
#[derive(Clone, Debug)]
pub struct JwtRule {
    pub(super) audiences: Vec<Box<str>>,
    pub(super) claim_headers: Vec<(Box<str>, HeaderName)>,
    pub(super) cookies: Vec<Box<str>>,
    pub(super) forwards_token: bool,
    pub(super) headers: Vec<(HeaderName, Box<str>)>,
    pub(super) issuer: Box<str>,
    pub(super) keys: JwtKeys,
    pub(super) params: Vec<Box<str>>,
    pub(super) payload_header: Option<HeaderName>,
    pub(super) requires_token: bool,
    pub(super) space_delimited: Vec<Box<str>>,
}

/// Keys of a rule.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum JwtKeys {
    /// Keys that are known from the start.
    Inline(Jwks),
    /// No keys: each token is refused.
    None,
    /// Keys that are fetched.
    Remote(JwksSource),
}

impl From<Jwks> for JwtKeys {
    fn from(keys: Jwks) -> Self {
        Self::Inline(keys)
    }
}

impl From<JwksSource> for JwtKeys {
    fn from(source: JwksSource) -> Self {
        Self::Remote(source)
    }
}

impl JwtRule {
    /// Creates a rule for the tokens of `issuer`, their claim `iss`, which `keys` verify. An empty issuer stands for all.
    #[must_use]
    pub fn new(issuer: impl Into<Box<str>>, keys: impl Into<JwtKeys>) -> Self {
        Self {
            audiences: Vec::new(),
            claim_headers: Vec::new(),
            cookies: Vec::new(),
            forwards_token: false,
            headers: Vec::new(),
            issuer: issuer.into(),
            keys: keys.into(),
            params: Vec::new(),
            payload_header: None,
            requires_token: false,
            space_delimited: Vec::new(),
        }
    }

    /// Requires one of these audiences (`aud`). The default is none, with which all are allowed. `http://`, `https://` and
    /// a slash at the end do not count, as for Envoy.
    #[must_use]
    pub fn with_audiences<A: Into<Box<str>>>(
        mut self,
        audiences: impl IntoIterator<Item = A>,
    ) -> Self {
        self.audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a header in which a token may be, behind `prefix`, which may be empty. Without any place of its own a rule reads
    /// `Authorization: Bearer …` and the query parameter `access_token`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, prefix: impl Into<Box<str>>) -> Self {
        self.headers.push((name, prefix.into()));
        self
    }

    /// Adds a query parameter in which a token may be.
    #[must_use]
    pub fn with_param(mut self, name: impl Into<Box<str>>) -> Self {
        self.params.push(name.into());
        self
    }

    /// Adds a cookie in which a token may be.
    #[must_use]
    pub fn with_cookie(mut self, name: impl Into<Box<str>>) -> Self {
        self.cookies.push(name.into());
        self
    }

    /// Passes the token on to the inner service, if `true`. By default it is removed from its place.
    #[must_use]
    pub const fn with_forwarded_token(mut self, forwards: bool) -> Self {
        self.forwards_token = forwards;
        self
    }

    /// Sends the payload, in base64url as it came, in a header. The default is none. What a caller sends in this header is
    /// removed from each request.
    #[must_use]
    pub fn with_payload_header(mut self, name: HeaderName) -> Self {
        self.payload_header = Some(name);
        self
    }

    /// Sends a claim in a header; dots lead into a claim that is an object. Strings are sent as they are, numbers and
    /// truth values as text, lists and objects as JSON in base64. What a caller sends in this header is removed from
    /// each request. A value that no header can hold is not sent.
    #[must_use]
    pub fn with_claim_header(mut self, claim: impl Into<Box<str>>, name: HeaderName) -> Self {
        self.claim_headers.push((claim.into(), name));
        self
    }

    /// Adds a claim whose string is a list of words. `scope` and `permission` are such lists by default.
    #[must_use]
    pub fn with_space_delimited_claim(mut self, claim: impl Into<Box<str>>) -> Self {
        self.space_delimited.push(claim.into());
        self
    }

    /// Refuses requests without a token (401), if `true`. By default they pass, and an authorization policy decides
    /// about them.
    #[must_use]
    pub const fn with_required_token(mut self, required: bool) -> Self {
        self.requires_token = required;
        self
    }

    /// Returns the issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the keys.
    #[must_use]
    pub const fn keys(&self) -> &JwtKeys {
        &self.keys
    }
}
