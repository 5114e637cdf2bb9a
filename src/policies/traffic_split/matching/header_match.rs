#[cfg(feature = "serde")]
mod config;

use http::{HeaderMap, HeaderName};

use crate::foundation::matching::string_match::StringMatch;

/// Condition on a header of a request.
///
/// Each value of a repeated header is compared by itself, and one match is enough, as recorded with
/// Envoy 1.40, which no longer joins the values with commas.
#[derive(Clone, Debug)]
pub struct HeaderMatch {
    inverted: bool,
    missing_is_empty: bool,
    name: HeaderName,
    /// `None` if the header need only be present.
    value: Option<StringMatch>,
}

impl HeaderMatch {
    /// Matches if a value of the header matches `value`; a missing header does not match.
    #[must_use]
    pub const fn new(name: HeaderName, value: StringMatch) -> Self {
        Self {
            inverted: false,
            missing_is_empty: false,
            name,
            value: Some(value),
        }
    }

    /// Matches if the header is present, with any value.
    #[must_use]
    pub const fn present(name: HeaderName) -> Self {
        Self {
            inverted: false,
            missing_is_empty: false,
            name,
            value: None,
        }
    }

    /// Matches if the header is absent.
    #[must_use]
    pub const fn absent(name: HeaderName) -> Self {
        Self::present(name).with_inverted(true)
    }

    /// Matches unless a value of the header matches `value`; a missing header counts as empty.
    ///
    /// This is `withoutHeaders` of Istio's `VirtualService`.
    #[must_use]
    pub const fn without(name: HeaderName, value: StringMatch) -> Self {
        Self::new(name, value)
            .with_missing_is_empty(true)
            .with_inverted(true)
    }

    /// Inverts the result. The default is false.
    ///
    /// A missing header matches no value, inverted or not, unless it counts as empty.
    #[must_use]
    pub const fn with_inverted(mut self, inverted: bool) -> Self {
        self.inverted = inverted;
        self
    }

    /// Sets whether a missing header counts as present and empty. The default is false.
    #[must_use]
    pub const fn with_missing_is_empty(mut self, missing_is_empty: bool) -> Self {
        self.missing_is_empty = missing_is_empty;
        self
    }

    /// Returns true if `headers` satisfy the condition.
    #[must_use]
    pub fn matches(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(&self.name).iter().peekable();
        let missing = values.peek().is_none();
        let found = match &self.value {
            None => !missing || self.missing_is_empty,
            // Not inverted, as in Envoy: a missing header matches no value in either case.
            Some(_) if missing && !self.missing_is_empty => return false,
            Some(value) if missing => value.matches(""),
            Some(value) => values.any(|each| value.matches(each.as_bytes())),
        };
        found != self.inverted
    }
}
