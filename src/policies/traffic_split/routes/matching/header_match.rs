use http::{HeaderMap, HeaderName};

use crate::foundation::matching::string_match::StringMatch;

/// What a header of a request has to look like.
///
/// Of a header that comes several times each value is looked at by itself, and one that fits is
/// enough; as recorded on Envoy 1.40, which no longer joins them with commas.
#[derive(Clone, Debug)]
pub struct HeaderMatch {
    inverted: bool,
    missing_is_empty: bool,
    name: HeaderName,
    /// Nothing stands for a header that need only be there.
    value: Option<StringMatch>,
}

impl HeaderMatch {
    /// Matches if a value of the header looks like `value`; one that is missing does not.
    #[must_use]
    pub const fn new(name: HeaderName, value: StringMatch) -> Self {
        Self {
            inverted: false,
            missing_is_empty: false,
            name,
            value: Some(value),
        }
    }

    /// Matches if the header is there, whatever it holds.
    #[must_use]
    pub const fn present(name: HeaderName) -> Self {
        Self {
            inverted: false,
            missing_is_empty: false,
            name,
            value: None,
        }
    }

    /// Matches if the header is not there.
    #[must_use]
    pub const fn absent(name: HeaderName) -> Self {
        Self::present(name).with_inverted(true)
    }

    /// Matches unless a value of the header looks like `value`; one that is missing counts as empty.
    ///
    /// This is `withoutHeaders` of Istio's `VirtualService`.
    #[must_use]
    pub const fn without(name: HeaderName, value: StringMatch) -> Self {
        Self::new(name, value)
            .with_missing_is_empty(true)
            .with_inverted(true)
    }

    /// Turns the answer round. The default is not to.
    ///
    /// A header that is missing matches no value, turned round or not, unless it counts as empty.
    #[must_use]
    pub const fn with_inverted(mut self, inverted: bool) -> Self {
        self.inverted = inverted;
        self
    }

    /// Makes a header that is missing count as one that is there and empty. The default is not to.
    #[must_use]
    pub const fn with_missing_is_empty(mut self, missing_is_empty: bool) -> Self {
        self.missing_is_empty = missing_is_empty;
        self
    }

    /// Says whether `headers` are so.
    #[must_use]
    pub fn matches(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(&self.name).iter().peekable();
        let missing = values.peek().is_none();
        let found = match &self.value {
            None => !missing || self.missing_is_empty,
            Some(_) if missing && !self.missing_is_empty => return false,
            Some(value) if missing => value.matches(""),
            Some(value) => values.any(|each| value.matches(each.as_bytes())),
        };
        found != self.inverted
    }
}
