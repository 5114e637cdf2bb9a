//! Parser of the hops in `X-Forwarded-For` and `Forwarded`, from the nearest outwards, without
//! copying.

use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The hops of `X-Forwarded-For`; `None` for one that cannot be read.
pub(crate) fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    elements(headers, X_FORWARDED_FOR).map(|element| address(element?))
}

/// Returns the hops of `Forwarded` (RFC 7239); `None` for one without an address.
pub(super) fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    elements(headers, FORWARDED).map(|element| {
        let mut pairs = element?.split(';').filter_map(|pair| pair.split_once('='));
        let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
        address(node.trim())
    })
}

/// Returns the elements of a list that may span several header lines, from the last to the first.
fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Option<&str>> {
    // Proxies append, so the nearest hop is the last element of the last line.
    let lines = headers.get_all(name).into_iter().rev();
    lines.flat_map(|line| {
        // An address needs no escapes, and an escape could hide the end of a string: such a line
        // counts as unreadable.
        let line = line.to_str().ok().filter(|line| !line.contains('\\'));
        let mut rest = Some(line);
        std::iter::from_fn(move || {
            let Some(line) = rest? else {
                // One unreadable element replaces the whole line, and ends the caller's walk.
                rest = None;
                return Some(None);
            };
            let mut quoted = false;
            let comma = line.rfind(|c| {
                quoted ^= c == '"';
                c == ',' && !quoted
            });
            let (left, element) = match comma {
                Some(comma) => (Some(Some(&line[..comma])), &line[comma + 1..]),
                None => (None, line),
            };
            rest = left;
            Some(Some(element.trim()))
        })
    })
}

/// Parses `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:80`,
/// quoted or not.
fn address(text: &str) -> Option<IpAddr> {
    let text = match text.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => text,
    };
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    let address = address.or_else(|| {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::V6)
    });
    address.map(|address| address.to_canonical())
}
