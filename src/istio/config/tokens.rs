use std::time::Duration;

use http::HeaderName;

use crate::foundation::outcome::Origin;

/// One rule about the tokens of requests, of a `RequestAuthentication`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TokenRuleConfig {
    pub(crate) audiences: Vec<Box<str>>,
    pub(crate) claim_headers: Vec<(Box<str>, HeaderName)>,
    pub(crate) cookies: Vec<Box<str>>,
    pub(crate) forwards_token: bool,
    /// Name and prefix.
    pub(crate) headers: Vec<(HeaderName, Box<str>)>,
    pub(crate) issuer: Box<str>,
    pub(crate) keys: KeysConfig,
    /// Place of the rule.
    pub(crate) origin: Origin,
    pub(crate) params: Vec<Box<str>>,
    pub(crate) payload_header: Option<HeaderName>,
    pub(crate) requires_token: bool,
    pub(crate) space_delimited: Vec<Box<str>>,
    /// Time for a fetch of the keys.
    pub(crate) timeout: Option<Duration>,
}

/// Keys of a rule.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum KeysConfig {
    /// The place that the issuer of this URI describes.
    Discovery(Box<str>),
    /// The text of the keys.
    Inline(Box<str>),
    /// The URI of the keys.
    Uri(Box<str>),
}
