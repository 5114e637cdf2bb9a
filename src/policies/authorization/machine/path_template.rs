use crate::foundation::matching::{PatternError, StringMatch};

/// Pattern of a path.
#[derive(Clone, Debug)]
pub(super) enum PathPattern {
    Pattern(super::pattern::Pattern),
    Template(StringMatch),
}

/// Characters of a segment that Envoy's wildcards of templates stand for: those of RFC 3986 without `=` and `*`.
const SEGMENT: &str = r"\-a-zA-Z0-9._~%!$&'()+,;:@";

impl PathPattern {
    pub(super) fn new(path: &str) -> Result<Self, PatternError> {
        if is_template(path) {
            return template(path).map(Self::Template);
        }
        Ok(Self::Pattern(super::pattern::Pattern::new(path)))
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.matches(path.as_bytes()),
            Self::Template(regex) => regex.matches(path),
        }
    }
}

fn is_template(path: &str) -> bool {
    path.contains("{*}") || path.contains("{**}")
}

/// Returns the reason why Envoy refuses a path with templates; none for other paths.
#[cfg(feature = "istio")]
pub(crate) fn check_path_template(path: &str) -> Option<PatternError> {
    PathPattern::new(path).err()
}

/// Translates a template as Envoy's `uri_template` does: segments of literals, `{*}` or `{**}`, where only literals
/// follow `{**}`.
fn template(path: &str) -> Result<StringMatch, PatternError> {
    let bad = |reason: &str| PatternError::new(path, reason);
    let rest = path
        .strip_prefix('/')
        .ok_or_else(|| bad("it does not begin with `/`"))?;
    let segments: Vec<&str> = rest.split('/').collect();
    let last = segments.len() - 1;
    let mut regex = String::with_capacity(path.len() * 2);
    let mut any_seen = false;
    for (place, segment) in segments.iter().enumerate() {
        regex.push('/');
        // `*` and `**` mean the same to Envoy as the two with braces.
        let (wildcard, suffix) = match *segment {
            segment if segment.starts_with("{**}") => (2, &segment[4..]),
            segment if segment.starts_with("{*}") => (1, &segment[3..]),
            segment if segment.starts_with("**") => (2, &segment[2..]),
            segment if segment.starts_with('*') => (1, &segment[1..]),
            segment => (0, segment),
        };
        if wildcard > 0 {
            if any_seen {
                return Err(bad("a wildcard stands behind `{**}`"));
            }
            any_seen = wildcard == 2;
            let (more, times) = if any_seen { ("/", '*') } else { ("", '+') };
            regex.push('[');
            regex.push_str(SEGMENT);
            regex.push_str(more);
            regex.push(']');
            regex.push(times);
            if !suffix.is_empty() && place < last {
                return Err(bad(
                    "a text stands behind a wildcard that is not at the end",
                ));
            }
        } else if segment.is_empty() && place < last {
            return Err(bad("a segment is empty"));
        }
        literal(suffix, &mut regex)
            .ok_or_else(|| bad("a segment has a character that a template cannot have"))?;
    }
    StringMatch::regex(&regex)
}

fn literal(text: &str, regex: &mut String) -> Option<()> {
    for char in text.chars() {
        let is_plain = char.is_ascii_alphanumeric() || "-._~%!$&'()+,;:@".contains(char);
        if !is_plain {
            return None;
        }
        if ".$()+".contains(char) {
            regex.push('\\');
        }
        regex.push(char);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_matches_segments() {
        for (template, path, expected) in [
            ("/path/template/{*}", "/path/template/a", true),
            ("/path/template/{*}", "/path/template/", false),
            ("/path/template/{*}", "/path/template/a/b", false),
            ("/path/template/{*}", "/path/template/a=b", false),
            ("/path/template/{*}", "/path/template/a%20b", true),
            ("/{**}/path/template", "/path/template", false),
            ("/{**}/path/template", "//path/template", true),
            ("/{**}/path/template", "/a/b/path/template", true),
            ("/{*}/a/{**}", "/x/a/", true),
            ("/{*}/a/{**}", "/x/a/b/c", true),
            ("/{*}/a/{**}", "/x/a", false),
            ("/a/{*}/", "/a/b/", true),
            ("/a/{*}/", "/a/b", false),
            ("/a/{*}.js", "/a/b.js", true),
            ("/a/{*}.js", "/a/bxjs", false),
            ("/a.b/{*}", "/axb/c", false),
        ] {
            let found = PathPattern::new(template).unwrap().matches(path);
            assert_eq!(found, expected, "{template} {path}");
        }
    }

    #[test]
    fn templates_that_envoy_refuses_are_errors() {
        for template in [
            "{*}",
            "/{**}/{*}",
            "/a//{*}",
            "/a=b/{*}",
            "/{*}a/b",
            "/{*}/é",
            "/{*}/{a}",
        ] {
            assert!(PathPattern::new(template).is_err(), "{template}");
        }
        assert!(PathPattern::new("/a=b/*").is_ok());
    }
}
