#[cfg(feature = "serde")]
mod config;

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};

use super::string_match::PatternError;
use crate::foundation::http::authority::{split_port, without_brackets};

/// A pattern for hosts: an exact name, a prefix, a suffix, or every host.
///
/// The case of letters does not matter. A pattern with a port is for that port alone, one without
/// is for any. An IPv6 address may stand with or without its brackets. Of several that fit a host the most specific holds: exact, then the longest suffix
/// (`*.example.com`), then the longest prefix (`example.*`), then `*`, as in Envoy.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct HostPattern {
    kind: Kind,
    text: Box<str>,
}

/// Comparison of a pattern's text with a host.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Kind {
    Any,
    Exact,
    Prefix,
    Suffix,
}

impl HostPattern {
    /// Matches every host.
    #[must_use]
    pub fn any() -> Self {
        Self {
            kind: Kind::Any,
            text: "".into(),
        }
    }

    /// Parses a pattern: a host, `*suffix`, `prefix*` or `*`.
    ///
    /// # Errors
    ///
    /// If the pattern is empty, or has a `*` other than at one end.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let (kind, text) = match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            _ if pattern.is_empty() => return Err(PatternError::new(pattern, "must not be empty")),
            _ if pattern == "*" => (Kind::Any, ""),
            (Some(suffix), _) => (Kind::Suffix, suffix),
            (None, Some(prefix)) => (Kind::Prefix, prefix),
            (None, None) => (Kind::Exact, pattern),
        };
        if text.contains('*') {
            return Err(PatternError::new(
                pattern,
                "a `*` is allowed at one end only",
            ));
        }
        let text = without_brackets(text).to_ascii_lowercase().into();
        Ok(Self { kind, text })
    }

    /// True if the pattern matches `authority`, a host with or without a port.
    #[must_use]
    pub fn matches(&self, authority: &str) -> bool {
        let (host, _) = split_port(authority);
        let host = without_brackets(host);
        // The end of a prefix does not stand for a port alone.
        self.fits(host) || self.kind != Kind::Prefix && self.fits(authority)
    }

    /// Compares two patterns that match a host: the greater one is more specific and applies.
    #[must_use]
    pub fn specificity(&self, other: &Self) -> Ordering {
        let rank = |pattern: &Self| {
            let kind = match pattern.kind {
                Kind::Any => 0,
                Kind::Prefix => 1,
                Kind::Suffix => 2,
                Kind::Exact => 3,
            };
            (kind, pattern.text.len())
        };
        rank(self).cmp(&rank(other))
    }

    /// Returns the kind, and the text in lower case.
    pub(crate) fn parts(&self) -> (Kind, &str) {
        (self.kind, &self.text)
    }

    /// True if the pattern matches the text; a wildcard covers at least one character.
    fn fits(&self, host: &str) -> bool {
        let (host, text) = (host.as_bytes(), self.text.as_bytes());
        match self.kind {
            Kind::Any => true,
            Kind::Exact => host.eq_ignore_ascii_case(text),
            Kind::Prefix => {
                host.len() > text.len() && host[..text.len()].eq_ignore_ascii_case(text)
            }
            Kind::Suffix => {
                host.len() > text.len()
                    && host[host.len() - text.len()..].eq_ignore_ascii_case(text)
            }
        }
    }
}

impl Display for HostPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Any => f.write_str("*"),
            Kind::Exact => f.write_str(&self.text),
            Kind::Prefix => write!(f, "{}*", self.text),
            Kind::Suffix => write!(f, "*{}", self.text),
        }
    }
}
