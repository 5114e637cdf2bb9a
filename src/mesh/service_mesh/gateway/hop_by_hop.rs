use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Removes the hop-by-hop headers (RFC 9110, section 7.6.1) except `te: trailers`, which
/// gRPC requires of every hop.
pub(in crate::mesh) fn remove_hop_by_hop_headers(headers: &mut HeaderMap) {
    let named = |value: &HeaderValue| {
        let names = value.to_str().unwrap_or_default().split(',');
        names
            .filter_map(|name| HeaderName::try_from(name.trim()).ok())
            .collect::<Vec<_>>()
    };
    if headers.contains_key(header::CONNECTION) {
        let connection = headers.get_all(header::CONNECTION).iter();
        for name in connection.flat_map(named).collect::<Vec<_>>() {
            // `TE` is decided by its value below.
            if name != header::TE {
                headers.remove(name);
            }
        }
    }
    for name in [
        header::CONNECTION,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
    if headers.get(header::TE).is_some_and(|te| te != "trailers") {
        headers.remove(header::TE);
    }
}
