use std::fmt::Write as _;
use std::time::Duration;

use http::HeaderValue;

/// A cookie that keeps a user where they are, and that is given to users who have none.
///
/// It is `httpCookie` of Istio's `consistentHash`: without a time to live no cookie is given out, and
/// a request that has none goes by chance.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HashCookie {
    attributes: Vec<(Box<str>, Box<str>)>,
    http_only: bool,
    name: Box<str>,
    path: Box<str>,
    ttl: Option<Duration>,
}

impl HashCookie {
    /// Reads the cookie of this name.
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

    /// Adds an attribute to cookies that are given out, such as `SameSite` with `Strict`, or `Secure`
    /// with nothing. The default is none but `HttpOnly`.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// Sets whether scripts in a browser are kept from reading the cookie (`HttpOnly`). The default
    /// is to do so, as Istio always does.
    #[must_use]
    pub const fn with_http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Sets the path that cookies are for. The default is to say none: that of the request.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Box<str>>) -> Self {
        self.path = path.into();
        self
    }

    /// Gives a cookie to users who have none, for so long; 0 is until they close the browser. The
    /// default is not to.
    #[must_use]
    pub const fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Returns the `Set-Cookie` header that gives `value` to a user, as Envoy writes it.
    ///
    /// None if the name or an attribute cannot stand in a header.
    #[must_use]
    pub fn set_cookie(&self, value: &str) -> Option<HeaderValue> {
        let mut text = format!("{}=\"{value}\"", self.name);
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
