use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Uri, Version, header};

use super::presence::Presence;
use crate::foundation::outcome::Rejection;

/// Reduces the host of a request to one `Host` field, and its URI to the path: the target
/// takes precedence over the field (RFC 9112, 3.2.2; RFC 9113, 8.3.1).
///
/// # Errors
///
/// The request has no host, several, or one that cannot be a host's name.
pub(in crate::mesh::service_mesh::gateway::edge) fn settle(
    version: Version,
    uri: &mut Uri,
    headers: &mut HeaderMap,
    presence: Presence,
) -> Result<(), Rejection> {
    if presence.has(Presence::HOST) && headers.get_all(header::HOST).iter().nth(1).is_some() {
        return Err(Rejection::BadRequest("several Host fields"));
    }
    if let Some(authority) = uri.authority() {
        if uri.scheme().is_none() {
            // The authority form is for CONNECT alone.
            return Err(Rejection::BadRequest("the target is no path"));
        }
        // User information must not reach the next hop.
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let host = HeaderValue::from_str(host);
        let host = host.map_err(|_| Rejection::BadRequest("no host"))?;
        headers.insert(header::HOST, host);
        let path = uri.path_and_query().cloned();
        *uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        return Ok(());
    }
    match headers.get(header::HOST) {
        Some(host) if host.as_bytes().iter().copied().all(is_of_host) => Ok(()),
        Some(_) => Err(Rejection::BadRequest("invalid Host")),
        // A request without a host matches no virtual host, not even `*`.
        None if version < Version::HTTP_11 => Err(Rejection::NoRoute),
        None => Err(Rejection::BadRequest("no Host field")),
    }
}

/// Returns true if a byte is allowed in an authority (RFC 3986, 3.2).
const fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'"' | b'#' | b'/' | b'<' | b'>' | b'?' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}
