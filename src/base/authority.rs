use http::{Uri, header, uri};

use super::RequestHead;

/// Returns whom a request addresses, as it says so on the wire: its `Host` header, or else the
/// authority of its URI; nothing if it has neither.
pub(crate) fn authority<'a>(head: &RequestHead<'a>) -> &'a str {
    head.headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| head.uri().authority().map(uri::Authority::as_str))
        .unwrap_or_default()
}

/// Splits `host:port`; an IPv6 address keeps its brackets.
pub(crate) fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (authority, None),
        },
        _ => (authority, None),
    }
}

/// Returns the port of a scheme that names none: 443 for `https`, else 80.
pub(crate) fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

/// Returns the scheme of a request: that of its URI, or as a server behind a proxy is told, or
/// `http`.
pub(crate) fn scheme<'a>(head: &RequestHead<'a>) -> &'a str {
    head.uri()
        .scheme_str()
        .or_else(|| forwarded_proto(head))
        .unwrap_or("http")
}

/// Returns the scheme that `x-forwarded-proto` tells of, if it is one of HTTP's.
pub(crate) fn forwarded_proto(head: &RequestHead<'_>) -> Option<&'static str> {
    match head.headers().get("x-forwarded-proto")?.as_bytes() {
        b"http" => Some("http"),
        b"https" => Some("https"),
        _ => None,
    }
}

/// Returns the URI with another authority, and with a scheme if it had none.
pub(crate) fn with_authority(uri: Uri, authority: uri::Authority, scheme: uri::Scheme) -> Uri {
    let mut parts = uri.into_parts();
    parts.authority = Some(authority);
    if parts.scheme.is_none() {
        parts.scheme = Some(scheme);
    }
    if parts.path_and_query.is_none() {
        parts.path_and_query = Some(uri::PathAndQuery::from_static("/"));
    }
    Uri::from_parts(parts).expect("a URI with a scheme, an authority and a path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_split_off_only_if_it_is_one() {
        for (authority, expected) in [
            ("a", ("a", None)),
            ("a:80", ("a", Some(80))),
            ("a:", ("a:", None)),
            ("a:x", ("a:x", None)),
            ("a:70000", ("a:70000", None)),
            ("[::1]", ("[::1]", None)),
            ("[::1]:80", ("[::1]", Some(80))),
            ("", ("", None)),
        ] {
            assert_eq!(split_port(authority), expected, "{authority}");
        }
    }
}
