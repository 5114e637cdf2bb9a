#[cfg(feature = "serde")]
mod config;

use std::fmt::Write as _;
use std::time::Duration;

use http::HeaderValue;

/// A session cookie for consistent hashing, set for clients that do not send it.
///
/// Corresponds to `httpCookie` of Istio's `consistentHash`: without a time to live no cookie is
/// set, and a request without one is balanced at random.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HashCookie {
    attributes: Vec<(Box<str>, Box<str>)>,
    http_only: bool,
    name: Box<str>,
    path: Box<str>,
    ttl: Option<Duration>,
}

impl HashCookie {
    /// Creates a hash key from the cookie with this name.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self {
            attributes: Vec::new(),
            http_only: true,
            name: name.into(),
            path: "".into(),
            ttl: None,
        }
    }

    /// Adds an attribute to cookies that are set, such as `SameSite` with `Strict`, or `Secure`
    /// with an empty value. The default is `HttpOnly` alone.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// Sets the attribute `HttpOnly`, which hides the cookie from scripts in a browser. The default
    /// is true, as always in Istio.
    #[must_use]
    pub const fn with_http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Sets the cookie's path. The default is no `Path` attribute: browsers use the request's path.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Box<str>>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets the cookie for clients without one, with this lifetime; 0 makes it a session cookie.
    /// The default sets no cookie.
    #[must_use]
    pub const fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Returns the `Set-Cookie` header for `value`, in Envoy's format.
    ///
    /// `None` if the name or an attribute is not valid in a header.
    #[must_use]
    pub fn set_cookie(&self, value: &str) -> Option<HeaderValue> {
        let mut text = format!("{}=\"{value}\"", self.name);
        // Without `Max-Age` browsers keep the cookie for their session, which is the meaning of 0.
        let ttl = self.ttl.unwrap_or_default().as_secs();
        if ttl > 0 {
            write!(text, "; Max-Age={ttl}").ok()?;
        }
        if !self.path.is_empty() {
            write!(text, "; Path={}", self.path).ok()?;
        }
        for (name, value) in &self.attributes {
            write!(text, "; {name}").ok()?;
            if !value.is_empty() {
                write!(text, "={value}").ok()?;
            }
        }
        if self.http_only {
            text.push_str("; HttpOnly");
        }
        HeaderValue::try_from(text).ok()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn is_generated(&self) -> bool {
        self.ttl.is_some()
    }
}

impl From<&str> for HashCookie {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// Generated value of a session cookie: 64 bits in hexadecimal, in Envoy's format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CookieValue([u8; 16]);

impl CookieValue {
    pub(crate) fn of(bits: u64) -> Self {
        let bytes = bits.to_be_bytes();
        Self(std::array::from_fn(|place| {
            let byte = bytes[place / 2];
            let half = if place % 2 == 0 {
                byte >> 4
            } else {
                byte & 0xf
            };
            b"0123456789abcdef"[usize::from(half)]
        }))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_by_the_standard_library() {
        for bits in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(CookieValue::of(bits).as_str(), format!("{bits:016x}"));
        }
    }
}
