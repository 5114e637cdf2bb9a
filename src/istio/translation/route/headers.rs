use std::str::FromStr;

use http::HeaderName;
use http::uri::Authority;

use crate::istio::api::http_route::{HeaderOperations as Written, Headers as Both};
use crate::policies::traffic_split::{HeaderFormat, HeaderOperations};

/// Header operations on requests and responses.
#[derive(Clone, Debug, Default)]
pub(in crate::istio::translation) struct Headers {
    /// Rewrite of the host, written as an operation on `host`.
    pub(in crate::istio::translation) authority: Option<Authority>,
    pub(in crate::istio::translation) request: HeaderOperations,
    pub(in crate::istio::translation) response: HeaderOperations,
}

pub(in crate::istio::translation) fn headers(written: Option<&Both>) -> Headers {
    let Some(written) = written else {
        return Headers::default();
    };
    let request = written.request.as_ref();
    let set = request.iter().flat_map(|request| &request.set);
    let authority = set
        .filter(|(name, _)| is_authority(&name.value))
        .find_map(|(_, value)| value.as_ref()?.value.parse().ok());
    Headers {
        authority,
        request: request.map(operations).unwrap_or_default(),
        response: written
            .response
            .as_ref()
            .map(operations)
            .unwrap_or_default(),
    }
}

/// Returns true if a header name means the request's authority.
pub(in crate::istio::translation) fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority")
}

/// Converts header operations, without those that Istio skips: pseudo-headers and the host.
fn operations(written: &Written) -> HeaderOperations {
    let name = |name: &str| {
        HeaderName::from_str(name)
            .ok()
            // The host is not a header here: setting it is a rewrite, which `headers` reads.
            .filter(|_| !is_authority(name))
    };
    let mut read = HeaderOperations::default();
    for (key, value) in &written.set {
        let value = value.as_ref().map_or("", |value| value.value.as_str());
        if let (Some(name), Ok(value)) = (name(&key.value), HeaderFormat::parse(value)) {
            read = read.with_set(name, value);
        }
    }
    for (key, value) in &written.add {
        let value = value.as_ref().map_or("", |value| value.value.as_str());
        if let (Some(name), Ok(value)) = (name(&key.value), HeaderFormat::parse(value)) {
            read = read.with_add(name, value);
        }
    }
    for key in &written.remove {
        if let Some(name) = name(&key.value) {
            read = read.with_remove(name);
        }
    }
    read
}
