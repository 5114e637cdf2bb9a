use crate::foundation::matching::StringMatch;

/// Istio's pattern of a text: exact, `prefix*`, `*suffix`, or `*`.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// A text that is not empty; RE2's dot is no newline.
    Any,
    Text(StringMatch),
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> Self {
        if pattern == "*" {
            return Self::Any;
        }
        Self::Text(if let Some(suffix) = pattern.strip_prefix('*') {
            StringMatch::suffix(suffix)
        } else if let Some(prefix) = pattern.strip_suffix('*') {
            StringMatch::prefix(prefix)
        } else {
            StringMatch::exact(pattern)
        })
    }

    pub(super) fn exact(text: &str) -> Self {
        Self::Text(StringMatch::exact(text))
    }

    pub(super) fn ignoring_case(self) -> Self {
        match self {
            Self::Any => Self::Any,
            Self::Text(text) => Self::Text(text.with_ignore_case(true)),
        }
    }

    #[inline]
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Any => !text.is_empty() && !text.contains(&b'\n'),
            Self::Text(pattern) => pattern.matches(text),
        }
    }

    /// Matches a header that is present, which `*` alone asks for.
    #[inline]
    pub(super) fn matches_present(&self, text: &[u8]) -> bool {
        matches!(self, Self::Any) || self.matches(text)
    }
}

/// Pattern of the issuer and the subject of a token, which a slash joins.
#[derive(Clone, Debug)]
pub(super) struct RequestPrincipal {
    issuer: Pattern,
    subject: Pattern,
}

impl RequestPrincipal {
    /// Splits the pattern at its last slash, since an issuer may be a URL. A wildcard is at one of its ends, and
    /// stands for all that is not written there.
    pub(super) fn new(pattern: &str) -> Self {
        let exact = |text: &str| Pattern::exact(text);
        let (issuer, subject) = match pattern.rsplit_once('/') {
            _ if pattern == "*" => (Pattern::Any, Pattern::Any),
            Some((issuer, subject)) if issuer.starts_with('*') => {
                (Pattern::new(issuer), exact(subject))
            }
            Some((issuer, subject)) if subject.ends_with('*') => {
                (exact(issuer), Pattern::prefix_of(subject))
            }
            Some((issuer, subject)) => (exact(issuer), exact(subject)),
            None if pattern.starts_with('*') => (Pattern::Any, Pattern::new(pattern)),
            None if pattern.ends_with('*') => (Pattern::new(pattern), Pattern::Any),
            None => (exact(pattern), exact("")),
        };
        Self { issuer, subject }
    }

    pub(super) fn matches(&self, issuer: &str, subject: &str) -> bool {
        self.issuer.matches(issuer.as_bytes()) && self.subject.matches(subject.as_bytes())
    }
}

impl Pattern {
    /// Creates the pattern of a text that ends with `*`, which may be that alone.
    fn prefix_of(pattern: &str) -> Self {
        match pattern.strip_suffix('*') {
            None | Some("") => Self::Any,
            Some(prefix) => Self::Text(StringMatch::prefix(prefix)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_a_wildcard_at_one_end() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("*", "a", true),
            ("*", "", false),
            ("*", "a\nb", false),
            ("*a*", "a*", true),
            ("*a*", "bab", false),
            ("", "", true),
        ] {
            let found = Pattern::new(pattern).matches(text.as_bytes());
            assert_eq!(found, expected, "{pattern} {text:?}");
        }
        assert!(Pattern::Any.matches_present(b""));
    }

    #[test]
    fn a_request_principal_is_split_at_its_last_slash() {
        for (pattern, issuer, subject, expected) in [
            ("https://a/b", "https://a", "b", true),
            ("https://a/b", "https:", "/a/b", false),
            ("a", "a", "", true),
            ("a", "a", "b", false),
            ("*", "a", "b", true),
            ("*", "a", "", false),
            ("a*", "ab", "c", true),
            ("a*", "ab", "", false),
            ("*b", "x", "ab", true),
            ("*a/b", "xa", "b", true),
            ("*/b", "x", "b", true),
            ("*/b", "", "b", false),
            ("*a/*", "xa", "*", true),
            ("*a/*", "xa", "b", false),
            ("https://a/*", "https://a", "b", true),
            ("https://a/b*", "https://a", "bc", true),
            ("https://a/*", "https://a", "", false),
        ] {
            let found = RequestPrincipal::new(pattern).matches(issuer, subject);
            assert_eq!(found, expected, "{pattern}: {issuer} {subject}");
        }
    }
}
