//! The paths that mean the same are made the same before any route looks at them, as Istio has
//! Envoy do by default: `/%762` and `/a/../v2` are `/v2`.

use std::borrow::Cow;

/// Returns `path` in its normal form (RFC 3986, 6.2.2): unreserved characters undone of their
/// percent signs, and no `.` and `..` left.
pub(super) fn normalized(path: &str) -> Cow<'_, str> {
    if !may_change(path) {
        return Cow::Borrowed(path);
    }
    let decoded = unescaped(path);
    if decoded.contains("/.") {
        Cow::Owned(without_dots(&decoded))
    } else if decoded == path {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(decoded)
    }
}

/// Looks for a `%` and for `/.`, in one pass.
fn may_change(path: &str) -> bool {
    let mut after_slash = false;
    path.bytes().any(|byte| {
        let found = byte == b'%' || byte == b'.' && after_slash;
        after_slash = byte == b'/';
        found
    })
}

fn unescaped(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        rest = after;
        match after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
        {
            Some(byte) if is_unreserved(byte) => {
                plain.push(byte.into());
                rest = &after[2..];
            }
            _ => plain.push('%'),
        }
    }
    plain.push_str(rest);
    plain
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    segments.pop();
                }
                // `/a/..` is a folder, with a slash at its end.
                if last {
                    segments.push("");
                }
            }
            _ => segments.push(part),
        }
    }
    let mut plain = String::with_capacity(path.len());
    for segment in segments {
        plain.push('/');
        plain.push_str(segment);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_mean_the_same_become_the_same() {
        for (path, expected) in [
            ("/", "/"),
            ("/v2", "/v2"),
            ("/%762", "/v2"),
            ("/%7", "/%7"),
            ("/%zz", "/%zz"),
            ("/%2F", "/%2F"),
            ("/a%20b", "/a%20b"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/..", "/"),
            ("/a/b/.", "/a/b/"),
            ("/../../a", "/a"),
            ("/.a/..b", "/.a/..b"),
            ("/a//b", "/a//b"),
            ("*", "*"),
        ] {
            assert_eq!(normalized(path), expected, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_normal_costs_nothing() {
        assert!(matches!(normalized("/api/v1/users"), Cow::Borrowed(_)));
    }
}
