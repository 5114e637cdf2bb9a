use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::compiled::{CompiledRule, Place};
use super::{Stop, TokenCarrier};
use crate::foundation::http::cookie::cookie;

/// Calls `check` for each token in the places of a rule, in the reverse order of the places, until one is refused.
pub(super) fn for_each_token(
    request: TokenCarrier<'_>,
    rule: &CompiledRule,
    mut check: impl FnMut(usize, &[u8]) -> Result<(), Stop>,
) -> Result<(), Stop> {
    for (at, place) in rule.places.iter().enumerate().rev() {
        match place {
            Place::Cookie(name) => {
                if let Some(value) = cookie(request.headers, name) {
                    check(at, value)?;
                }
            }
            Place::Header { name, prefix } => {
                for_each_value(request.headers, name, |value| {
                    behind(value, prefix.as_bytes()).map_or(Ok(()), |token| check(at, token))
                })?;
            }
            Place::Param(name) => {
                if let Some(token) = param(request.uri.query(), name) {
                    check(at, token.as_bytes())?;
                }
            }
        }
    }
    Ok(())
}

/// Calls `check` for each value of a header, the last one first. Several `Authorization` fields are one, as in Envoy, so that
/// nothing can stand beside a token unseen.
fn for_each_value(
    headers: &HeaderMap,
    name: &HeaderName,
    mut check: impl FnMut(&[u8]) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        return Ok(());
    };
    let Some(second) = values.next() else {
        return check(first.as_bytes());
    };
    let all = [first, second].into_iter().chain(values);
    let all: Vec<_> = all.map(HeaderValue::as_bytes).collect();
    if *name == header::AUTHORIZATION {
        return check(&all.join(&b","[..]));
    }
    all.into_iter().rev().try_for_each(check)
}

/// Returns the token behind a prefix, wherever that is: from the first character that a token may have. The whole value, if
/// there is none.
fn behind<'a>(value: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    if prefix.is_empty() {
        return Some(value);
    }
    let rest = if let Some(rest) = value.strip_prefix(prefix) {
        rest
    } else {
        let mut places = value.windows(prefix.len());
        &value[places.position(|part| part == prefix)? + prefix.len()..]
    };
    let is_of_token =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let first = rest.iter().position(is_of_token);
    Some(first.map_or(value, |first| &rest[first..]))
}

/// Returns the first value of a query parameter, decoded; empty without `=`.
fn param<'a>(query: Option<&'a str>, name: &str) -> Option<Cow<'a, str>> {
    query?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (is_named(key, name)).then(|| decoded(value))
    })
}

/// Returns the query without a parameter, or none if nothing is left of it.
pub(super) fn without_param(query: &str, name: &str) -> Option<String> {
    let others = query.split('&').filter(|pair| {
        let (key, _) = pair.split_once('=').unwrap_or((pair, ""));
        !is_named(key, name)
    });
    let rest = others.collect::<Vec<_>>().join("&");
    (!rest.is_empty()).then_some(rest)
}

/// Returns a `cookie` field without a cookie; none if nothing is left of it.
pub(super) fn without_cookie(field: &[u8], name: &str) -> Option<HeaderValue> {
    let others = field.split(|byte| *byte == b';').filter(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let key = halves.next().unwrap_or_default();
        key.trim_ascii() != name.as_bytes()
    });
    let others: Vec<_> = others.map(<[u8]>::trim_ascii).collect();
    let rest = others.join(&b"; "[..]);
    HeaderValue::from_bytes(&rest)
        .ok()
        .filter(|rest| !rest.is_empty())
}

fn is_named(key: &str, name: &str) -> bool {
    key == name || (key.contains('%') && decoded(key) == name)
}

/// Decodes `%XX`; what is no such code stays.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let is_hex = |code: &&str| code.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = code.filter(is_hex);
        let (decoded, length) = match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(decoded) => (decoded, 3),
            None => (*byte, 1),
        };
        out.push(decoded);
        at += length;
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_and_removed_by_its_decoded_name() {
        let query = "a=1&access%5ftoken=x%2Ey&b&access_token=z&c=%zz";
        assert_eq!(param(Some(query), "access_token").unwrap(), "x.y");
        assert_eq!(param(Some(query), "b").unwrap(), "");
        assert_eq!(param(Some(query), "c").unwrap(), "%zz");
        assert_eq!(param(Some(query), "d"), None);
        assert_eq!(without_param(query, "access_token").unwrap(), "a=1&b&c=%zz");
        assert_eq!(without_param("t=1", "t"), None);
    }

    #[test]
    fn a_cookie_is_removed_and_the_others_stay() {
        let rest = without_cookie(b"a=1; t=x; b=2;t=y", "t").unwrap();
        assert_eq!(rest, "a=1; b=2");
        assert_eq!(without_cookie(b"t=x", "t"), None);
    }
}
