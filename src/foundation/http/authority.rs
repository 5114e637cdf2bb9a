use http::{Uri, header, uri};

use super::RequestHead;

/// Returns whom a request addresses, as it says so on the wire: its `Host` header, or else the
/// authority of its URI without what may stand before `@`; nothing if it has neither.
pub(crate) fn authority<'a>(head: &RequestHead<'a>) -> &'a str {
    // `Host` first: it names the virtual host, where a client's URI is the address to connect to.
    head.headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| {
            let authority = head.uri().authority()?.as_str();
            Some(
                authority
                    .rsplit_once('@')
                    .map_or(authority, |(_, host)| host),
            )
        })
        .unwrap_or_default()
}

/// Splits `host:port`; an IPv6 address keeps its brackets. A colon with nothing behind it is no port.
pub(crate) fn split_port(authority: &str) -> (&str, Option<u16>) {
    let is_host = |host: &str| !host.as_bytes().contains(&b':') || host.ends_with(']');
    match numbered(authority) {
        Some((host, port)) if is_host(host) => (host, Some(port)),
        Some(_) => (authority, None),
        None => match authority.strip_suffix(':').filter(|host| is_host(host)) {
            Some(host) => (host, None),
            None => (authority, None),
        },
    }
}

/// Returns a host as documents write it: an IPv6 address without brackets.
pub(crate) fn without_brackets(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

/// Returns the port that a URI names, read from its end: some bytes, where to look for its host first is a
/// hundred instructions and more.
pub(crate) fn port_of(authority: &uri::Authority) -> Option<u16> {
    numbered(authority.as_str()).map(|(_, port)| port)
}

/// Returns the host of a URI's authority, without user information, and its port.
pub(crate) fn host_of(authority: &uri::Authority) -> (&str, Option<u16>) {
    let text = authority.as_str();
    let (place, port) = match numbered(text) {
        Some((place, port)) => (place, Some(port)),
        None => (text.strip_suffix(':').unwrap_or(text), None),
    };
    let user = place.bytes().rposition(|byte| byte == b'@');
    (&place[user.map_or(0, |at| at + 1)..], port)
}

/// Splits off the number behind the last colon; `None` if there is none or it exceeds a port.
fn numbered(authority: &str) -> Option<(&str, u16)> {
    let mut digits = authority.bytes().rev();
    let colon = digits.position(|byte| !byte.is_ascii_digit())?;
    let (rest, port) = authority.split_at_checked(authority.len() - colon)?;
    Some((rest.strip_suffix(':')?, port.parse().ok()?))
}

/// The authority, host, port and scheme that a request addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addressed<'a> {
    pub(crate) authority: &'a str,
    /// Port named by the URI's authority or, without one, by the `Host` header.
    pub(crate) explicit_port: Option<u16>,
    pub(crate) host: &'a str,
    /// Port named by `authority`. It may differ from `explicit_port`: a client's URI determines the
    /// destination, whatever its `Host` header is.
    pub(crate) host_port: Option<u16>,
    pub(crate) scheme: &'a str,
}

impl<'a> Addressed<'a> {
    pub(crate) fn of(head: &RequestHead<'a>) -> Self {
        let authority = authority(head);
        let (host, host_port) = split_port(authority);
        Self {
            authority,
            explicit_port: match head.uri().authority() {
                Some(address) => port_of(address),
                None => host_port,
            },
            host,
            host_port,
            scheme: scheme(head),
        }
    }

    /// Returns the destination port: the explicit one, or the default of the scheme.
    pub(crate) fn port(&self) -> u16 {
        let port = self.explicit_port;
        port.unwrap_or_else(|| default_port(self.scheme))
    }

    /// True if the authority spells out the default port of its scheme.
    pub(crate) fn host_has_default_port(&self) -> bool {
        self.host_port == Some(default_port(self.scheme))
    }
}

/// Returns the default port of a scheme: 443 for `https`, else 80.
pub(crate) fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

/// Returns the scheme of a request: that of its URI, else that of `x-forwarded-proto`, else `http`.
pub(crate) fn scheme<'a>(head: &RequestHead<'a>) -> &'a str {
    head.uri()
        .scheme_str()
        .or_else(|| forwarded_proto(head))
        .unwrap_or("http")
}

/// Returns the scheme in `x-forwarded-proto`, if it is `http` or `https`.
pub(crate) fn forwarded_proto(head: &RequestHead<'_>) -> Option<&'static str> {
    match head.headers().get("x-forwarded-proto")?.as_bytes() {
        b"http" => Some("http"),
        b"https" => Some("https"),
        _ => None,
    }
}

/// Returns the URI with another authority; `scheme` applies if the URI has none.
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
            ("a:", ("a", None)),
            ("[::1]:", ("[::1]", None)),
            ("a::", ("a::", None)),
            ("a:x", ("a:x", None)),
            ("a:+80", ("a:+80", None)),
            ("a:70000", ("a:70000", None)),
            ("80", ("80", None)),
            ("a::80", ("a::80", None)),
            ("[::1]", ("[::1]", None)),
            ("[::1]:80", ("[::1]", Some(80))),
            ("", ("", None)),
        ] {
            assert_eq!(split_port(authority), expected, "{authority}");
        }
    }

    #[test]
    fn host_and_port_of_a_uri_are_what_its_crate_finds() {
        for authority in [
            "a",
            "a:80",
            "a:",
            "a:70000",
            "u:1@a",
            "u:1@a:80",
            "u:1@80",
            "[::1]",
            "[::1]:80",
            "1.2.3.4:5",
        ] {
            let authority = uri::Authority::try_from(authority).unwrap();
            assert_eq!(port_of(&authority), authority.port_u16(), "{authority}");
            // An invalid port remains part of the host, which then matches no virtual host.
            if authority.port().is_some() || !authority.as_str().contains("a:") {
                let whole = (authority.host(), authority.port_u16());
                assert_eq!(host_of(&authority), whole, "{authority}");
            }
        }
    }
}
