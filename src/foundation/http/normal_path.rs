//! Path normalization before routing, as Istio configures Envoy by default: `/%762` and `/a/../v2`
//! are `/v2`.

use std::borrow::Cow;

use http::Uri;
use http::uri::PathAndQuery;

/// Normalizes the path of a target, as Envoy does under Istio's default `pathNormalization: BASE`. The query, and a
/// target that is no path, are unchanged.
///
/// # Errors
///
/// The reason, if Envoy refuses the target.
pub(crate) fn normalize_target(uri: &mut Uri) -> Result<(), &'static str> {
    let Some(target) = uri.path_and_query().map(PathAndQuery::as_str) else {
        return Ok(());
    };
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a target with bytes that have to be escaped");
    }
    let path = uri.path();
    if path.as_bytes().windows(3).any(|three| three == b"%00") {
        return Err("NUL in the path");
    }
    if let Cow::Owned(path) = normalized(path) {
        let target = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(target).map_err(|_| "no path")?);
        *uri = Uri::from_parts(parts).map_err(|_| "no path")?;
    }
    Ok(())
}

/// Returns `path` in its normal form, Envoy's and RFC 3986's (6.2.2): unreserved characters undone of their
/// percent signs, those escaped that a path cannot have, `/` for a backslash, and no `.` and `..` left.
pub(crate) fn normalized(path: &str) -> Cow<'_, str> {
    if !may_change(path) {
        return Cow::Borrowed(path);
    }
    let mut normal = rewritten(path);
    if normal.contains("/.") {
        normal = without_dots(&normal);
    }
    if normal == path {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(normal)
    }
}

/// Looks for what may not stay as it is and for `/.`, in one pass.
fn may_change(path: &str) -> bool {
    let path = path.as_bytes();
    path.iter().enumerate().any(|(place, byte)| {
        SUSPECTS[usize::from(*byte)] && (*byte != b'.' || path[..place].ends_with(b"/"))
    })
}

/// The bytes that may not stay as they are: those of [`CHANGES`], and a dot behind a slash.
const SUSPECTS: [bool; 256] = {
    let mut suspects = CHANGES;
    suspects[b'.' as usize] = true;
    suspects
};

/// The bytes that are written in another way, or may be.
const CHANGES: [bool; 256] = {
    let mut changes = [false; 256];
    let bytes = b"%\\\"<>^`{|}";
    let mut place = 0;
    while place < bytes.len() {
        changes[bytes[place] as usize] = true;
        place += 1;
    }
    changes
};

/// Undoes the escapes of unreserved characters, and escapes those that Envoy does.
fn rewritten(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(place) = rest.bytes().position(|byte| CHANGES[usize::from(byte)]) {
        let (before, after) = rest.split_at(place);
        plain.push_str(before);
        rest = &after[1..];
        match after.as_bytes()[0] {
            b'\\' => plain.push('/'),
            b'%' => match unescaped(rest) {
                Some(byte) => {
                    plain.push(byte.into());
                    rest = &rest[2..];
                }
                None => plain.push('%'),
            },
            byte => {
                const HEX: [u8; 16] = *b"0123456789ABCDEF";
                plain.push('%');
                plain.push(HEX[usize::from(byte >> 4)].into());
                plain.push(HEX[usize::from(byte & 0xf)].into());
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Returns the unreserved character that two digits behind a `%` stand for.
fn unescaped(digits: &str) -> Option<u8> {
    let digit = |place: usize| char::from(*digits.as_bytes().get(place)?).to_digit(16);
    let byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    is_unreserved(byte).then_some(byte)
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
                    // At the root `..` has no effect.
                    segments.pop();
                }
                // `/a/..` is a folder, so the result ends with a slash.
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
            ("/a\\..\\b", "/b"),
            ("/a%5Cb", "/a%5Cb"),
            ("/%2541", "/%2541"),
            ("/a/%2e%2e%2fb", "/a/..%2fb"),
            ("/a|b^c\"d", "/a%7Cb%5Ec%22d"),
            ("/é/%2e%2e/%7E", "/~"),
        ] {
            assert_eq!(normalized(path), expected, "{path}");
        }
    }

    #[test]
    fn a_target_keeps_all_but_its_path() {
        for (target, expected) in [
            ("/a/../b?c=/../d", Ok("/b?c=/../d")),
            ("http://users:80/%61?q", Ok("http://users:80/a?q")),
            ("users:80", Ok("users:80")),
            ("*", Ok("*")),
            ("/a%00", Err("NUL in the path")),
        ] {
            let mut uri: Uri = target.parse().unwrap();
            let result = normalize_target(&mut uri).map(|()| uri.to_string());
            assert_eq!(
                result.as_deref().map_err(|reason| *reason),
                expected,
                "{target}"
            );
        }
    }

    #[test]
    fn a_path_that_is_normal_costs_nothing() {
        assert!(matches!(normalized("/api/v1/users"), Cow::Borrowed(_)));
    }
}
