use std::io::Write as _;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

const X_ENVOY_EXTERNAL_ADDRESS: HeaderName = HeaderName::from_static("x-envoy-external-address");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Appends the peer to `X-Forwarded-For`, in one line, and writes the address of the caller, which is the
/// peer's unless trusted proxies name another.
pub(in crate::mesh::service_mesh::gateway::edge) fn append(
    headers: &mut HeaderMap,
    peer: IpAddr,
    caller: Option<IpAddr>,
    is_first: bool,
) {
    let mut line = Vec::with_capacity(40);
    if !is_first {
        for old in headers.get_all(&X_FORWARDED_FOR) {
            line.extend_from_slice(old.as_bytes());
            line.push(b',');
        }
    }
    let start = line.len();
    write!(line, "{peer}").expect("a vector takes every byte");
    let line = Bytes::from(line);
    let external = match caller.filter(|caller| *caller != peer) {
        Some(caller) => HeaderValue::try_from(caller.to_string()),
        None => HeaderValue::from_maybe_shared(line.slice(start..)),
    };
    if let Ok(external) = external {
        headers.insert(X_ENVOY_EXTERNAL_ADDRESS, external);
    }
    if let Ok(line) = HeaderValue::from_maybe_shared(line) {
        headers.insert(X_FORWARDED_FOR, line);
    }
}

/// Takes away addresses for which no hop vouches.
pub(in crate::mesh::service_mesh::gateway::edge) fn remove(headers: &mut HeaderMap) {
    headers.remove(X_FORWARDED_FOR);
}
