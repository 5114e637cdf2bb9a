use std::time::Duration;

use http::HeaderValue;

use crate::foundation::matching::StringMatch;

/// Policy of CORS: the origins whose pages may read responses, and what they may send.
///
/// The default allows no origin.
#[derive(Clone, Debug, Default)]
pub struct CorsPolicy {
    pub(super) allow_credentials: bool,
    pub(super) allow_headers: Option<HeaderValue>,
    pub(super) allow_methods: Option<HeaderValue>,
    pub(super) allow_origins: Vec<StringMatch>,
    pub(super) expose_headers: Option<HeaderValue>,
    pub(super) max_age: Option<HeaderValue>,
    pub(super) unmatched: UnmatchedPreflights,
}

/// Treatment of preflights of origins that are not allowed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum UnmatchedPreflights {
    /// The application receives them.
    #[default]
    Forward,
    /// They are answered with 200, and without a permission.
    Ignore,
}

impl CorsPolicy {
    /// Creates a policy that allows origins, such as `https://shop.example.com`. One that matches `*` allows all.
    #[must_use]
    pub fn new(origins: impl IntoIterator<Item = StringMatch>) -> Self {
        Self {
            allow_origins: origins.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Allows requests with credentials, if `true`. The default is `false`.
    #[must_use]
    pub const fn with_allow_credentials(mut self, allowed: bool) -> Self {
        self.allow_credentials = allowed;
        self
    }

    /// Sets the names of headers that a page may send; `*` alone allows those that it asks for. By default the
    /// response to a preflight names none. Names with a character that no header has are left out.
    #[must_use]
    pub fn with_allow_headers<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.allow_headers = joined(names);
        self
    }

    /// Sets the methods that a page may use; `*` alone allows the one that it asks for. By default the response to a
    /// preflight names none.
    #[must_use]
    pub fn with_allow_methods<'a>(mut self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        self.allow_methods = joined(methods);
        self
    }

    /// Sets the names of response headers that a page may read. By default no header names them.
    #[must_use]
    pub fn with_expose_headers<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.expose_headers = joined(names);
        self
    }

    /// Sets the time for which a browser keeps the response to a preflight, in whole seconds. By default the browser
    /// decides.
    #[must_use]
    pub fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(HeaderValue::from(age.as_secs()));
        self
    }

    /// Sets the treatment of preflights of origins that are not allowed. The default is to forward them.
    #[must_use]
    pub const fn with_unmatched_preflights(mut self, unmatched: UnmatchedPreflights) -> Self {
        self.unmatched = unmatched;
        self
    }
}

/// Joins names by commas, as Istio's control plane does; none if there are none.
fn joined<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<HeaderValue> {
    let valid = names
        .into_iter()
        .filter(|name| HeaderValue::from_str(name).is_ok());
    let joined = valid.collect::<Vec<_>>().join(",");
    HeaderValue::try_from(joined)
        .ok()
        .filter(|value| !value.is_empty())
}
