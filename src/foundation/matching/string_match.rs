#[cfg(feature = "serde")]
mod config;

use std::fmt::{self, Debug, Formatter};
use std::ops::Range;

use super::re2::Re2;

/// A matcher of text: a header, a path, a method.
///
/// The kinds are those of Istio's `StringMatch` and Envoy's `StringMatcher`. They compare bytes: a
/// header need not be UTF-8.
#[derive(Clone)]
pub struct StringMatch {
    ignore_case: bool,
    pattern: Pattern,
}

#[derive(Clone, Debug)]
enum Pattern {
    Contains(Box<str>),
    Exact(Box<str>),
    Integer(Range<i64>),
    Prefix(Box<str>),
    Regex(Re2),
    Suffix(Box<str>),
}

/// The error of an invalid regular expression, host pattern or template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("invalid pattern `{pattern}`: {reason}")]
pub struct PatternError {
    pattern: Box<str>,
    reason: Box<str>,
}

impl StringMatch {
    /// Matches text that contains `text`.
    #[must_use]
    pub fn contains(text: impl Into<Box<str>>) -> Self {
        Self::of(Pattern::Contains(text.into()))
    }

    /// Matches `text` exactly.
    #[must_use]
    pub fn exact(text: impl Into<Box<str>>) -> Self {
        Self::of(Pattern::Exact(text.into()))
    }

    /// Matches a decimal integer in `range`, its end excluded, as Envoy's `range_match` does.
    #[must_use]
    pub const fn integer(range: Range<i64>) -> Self {
        Self::of(Pattern::Integer(range))
    }

    /// Matches text that starts with `text`.
    #[must_use]
    pub fn prefix(text: impl Into<Box<str>>) -> Self {
        Self::of(Pattern::Prefix(text.into()))
    }

    /// Matches text that the regular expression `pattern` covers from its first byte to its last.
    ///
    /// The syntax is RE2's, and bytes are compared, as in Istio and Envoy: `caf.` does not match `café`, which
    /// has five bytes; `\w`, `\d`, `\s`, `\b` and `(?i)` know ASCII only. No text takes long to match.
    ///
    /// # Errors
    ///
    /// If RE2 refuses `pattern`, with its reason, if it is larger than 8 MiB once compiled, or if more than 100
    /// groups and repetitions stand in one another.
    pub fn regex(pattern: &str) -> Result<Self, PatternError> {
        Re2::whole(pattern).map(|regex| Self::of(Pattern::Regex(regex)))
    }

    /// Matches text that ends with `text`.
    #[must_use]
    pub fn suffix(text: impl Into<Box<str>>) -> Self {
        Self::of(Pattern::Suffix(text.into()))
    }

    /// Sets whether ASCII letters match in either case. The default is case-sensitive. A regular
    /// expression ignores this setting, as in Istio: use `(?i)` there.
    #[must_use]
    pub const fn with_ignore_case(mut self, ignore_case: bool) -> Self {
        self.ignore_case = ignore_case;
        self
    }

    /// True if `text` matches.
    #[must_use]
    pub fn matches(&self, text: impl AsRef<[u8]>) -> bool {
        self.matches_bytes(text.as_ref(), self.ignore_case)
    }

    /// True if `text` matches when the case of ASCII letters is ignored.
    pub(crate) fn matches_ignoring_case(&self, text: &[u8]) -> bool {
        self.matches_bytes(text, true)
    }

    /// Returns the length of a prefix matcher in bytes; `None` for every other kind.
    pub(crate) fn prefix_len(&self) -> Option<usize> {
        match &self.pattern {
            Pattern::Prefix(prefix) => Some(prefix.len()),
            _ => None,
        }
    }

    const fn of(pattern: Pattern) -> Self {
        Self {
            ignore_case: false,
            pattern,
        }
    }

    fn matches_bytes(&self, text: &[u8], ignore_case: bool) -> bool {
        let same = |one: &[u8], two: &str| {
            if ignore_case {
                one.eq_ignore_ascii_case(two.as_bytes())
            } else {
                one == two.as_bytes()
            }
        };
        match &self.pattern {
            // `windows` panics on a size of 0.
            Pattern::Contains(part) if part.is_empty() => true,
            Pattern::Contains(part) => text.windows(part.len()).any(|window| same(window, part)),
            Pattern::Exact(exact) => same(text, exact),
            Pattern::Integer(range) => integer(text).is_some_and(|number| range.contains(&number)),
            Pattern::Prefix(prefix) => text
                .get(..prefix.len())
                .is_some_and(|start| same(start, prefix)),
            Pattern::Regex(regex) => regex.is_match(text),
            Pattern::Suffix(suffix) => text
                .len()
                .checked_sub(suffix.len())
                .is_some_and(|start| same(&text[start..], suffix)),
        }
    }
}

impl Debug for StringMatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.pattern, f)?;
        if self.ignore_case {
            f.write_str(" ignoring case")?;
        }
        Ok(())
    }
}

impl PatternError {
    pub(crate) fn new(pattern: &str, reason: impl Into<Box<str>>) -> Self {
        Self {
            pattern: pattern.into(),
            reason: reason.into(),
        }
    }

    /// Why the pattern is refused, without the pattern.
    #[cfg(feature = "istio")]
    pub(crate) const fn reason(&self) -> &str {
        &self.reason
    }
}

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regex_covers_the_whole_text() {
        let either = StringMatch::regex("a|bc").unwrap();
        for (text, expected) in [("a", true), ("bc", true), ("abc", false), ("", false)] {
            assert_eq!(either.matches(text), expected, "{text:?}");
        }
        assert!(!StringMatch::regex("a").unwrap().matches("a\n"));
    }

    #[test]
    fn the_popular_cookie_regex_misses_a_cookie_after_a_blank() {
        let jason = StringMatch::regex("^(.*?;)?(user=jason)(;.*)?$").unwrap();
        for (cookies, expected) in [
            ("user=jason", true),
            ("a=b;user=jason;c=d", true),
            ("a=b; user=jason", false),
        ] {
            assert_eq!(jason.matches(cookies), expected, "{cookies}");
        }
    }

    #[test]
    fn a_bad_or_huge_regex_is_an_error_that_says_which() {
        let huge = vec![".{1000}x"; 500].join("|");
        for pattern in ["(", "a)(b", "(?:a{1000}){1000}", r"(a)\1", &huge] {
            let error = StringMatch::regex(pattern).unwrap_err();
            assert!(error.to_string().contains(pattern), "{error}");
        }
    }

    #[test]
    fn case_can_be_ignored() {
        for (pattern, text) in [
            (StringMatch::exact("Ab"), "aB"),
            (StringMatch::prefix("Ab"), "aBc"),
            (StringMatch::suffix("Ab"), "caB"),
            (StringMatch::contains("Ab"), "caBc"),
        ] {
            assert!(!pattern.matches(text), "{pattern:?}");
            assert!(pattern.with_ignore_case(true).matches(text));
        }
    }
}
