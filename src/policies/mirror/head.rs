//! Head of a copy, and its differences from the original's.

use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};

use super::{CopyBody, MirrorPolicy, trace};
use crate::foundation::http::authority::{authority, scheme, split_port, with_authority};
use crate::foundation::http::{PeerAddress, RequestHead};

/// Headers about one connection, which are not part of the request.
const OF_THE_CONNECTION: [HeaderName; 4] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
];

/// Copies the parts of a head that are sent; the version is that of the mirror's own connection.
pub(super) fn copy<B>(request: &Request<B>) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    copy.headers_mut().clone_from(request.headers());
    // A service that chooses by the peer must choose as for the original.
    if let Some(peer) = PeerAddress::of(request.extensions()) {
        copy.extensions_mut().insert(PeerAddress(peer));
    }
    copy
}

/// Rewrites a copied head for the mirror, and attaches the body.
pub(super) fn rewrite_headers(
    copy: Request<()>,
    body: CopyBody,
    policy: &MirrorPolicy,
    span_id: u64,
) -> Request<CopyBody> {
    let mut copy = copy.map(|()| body);
    for name in OF_THE_CONNECTION {
        copy.headers_mut().remove(name);
    }
    address(&mut copy, policy);
    let headers = copy.headers_mut();
    if let Some(marker) = policy.marker() {
        headers.insert(marker, HeaderValue::from_static("true"));
    }
    if !policy.trace_sampled() {
        trace::unsample(headers, span_id);
    }
    copy
}

/// Sets the policy's address and host.
fn address(copy: &mut Request<CopyBody>, policy: &MirrorPolicy) {
    let head = RequestHead::of(copy);
    let scheme = match scheme(&head) {
        "https" => Scheme::HTTPS,
        _ => Scheme::HTTP,
    };
    let host = authority(&head);
    let host = if policy.shadows_host() {
        HeaderValue::from_str(&shadow(host)).ok()
    } else if policy.authority().is_some() {
        // Without a `Host` header the host is that of the URI, which is about to change.
        HeaderValue::from_str(host).ok()
    } else {
        None
    };
    write_host(copy.headers_mut(), host);
    if let Some(new) = policy.authority() {
        let uri = std::mem::take(copy.uri_mut());
        *copy.uri_mut() = with_authority(uri, new.clone(), scheme);
    }
}

fn write_host(headers: &mut HeaderMap, host: Option<HeaderValue>) {
    if let Some(host) = host.filter(|host| !host.is_empty()) {
        headers.insert(header::HOST, host);
    }
}

/// Appends Envoy's suffix to the name: `svc:8000` becomes `svc-shadow:8000`.
fn shadow(host: &str) -> String {
    match split_port(host) {
        ("", _) => String::new(),
        (name, Some(port)) => format!("{name}-shadow:{port}"),
        (name, None) => format!("{name}-shadow"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dressed(request: &Request<()>, policy: &MirrorPolicy) -> Request<CopyBody> {
        rewrite_headers(copy(request), CopyBody::empty(), policy, 1)
    }

    #[test]
    fn a_copy_is_marked_and_goes_where_the_original_goes() {
        let request = Request::put("http://waste:8000/analyze?user=jason")
            .header("connection", "close")
            .header("x-team", "green")
            .extension(PeerAddress([10, 0, 0, 7].into()))
            .extension("not on the wire")
            .body(())
            .unwrap();
        let copy = dressed(&request, &MirrorPolicy::default());
        assert_eq!(copy.method(), "PUT");
        assert_eq!(copy.uri(), "http://waste:8000/analyze?user=jason");
        let headers: Vec<_> = copy.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(headers, ["x-team", "x-meshless-mirror"]);
        let peer = copy.extensions().get::<PeerAddress>().unwrap();
        assert_eq!(peer.0.to_string(), "10.0.0.7");
        assert!(copy.extensions().get::<&str>().is_none());
    }

    #[test]
    fn another_address_leaves_the_host_as_it_is() {
        let policy = MirrorPolicy::default().with_authority("10.0.0.2:9000".parse().unwrap());
        let outbound = Request::get("http://waste:8000/a").body(()).unwrap();
        let copy = dressed(&outbound, &policy);
        assert_eq!(copy.uri(), "http://10.0.0.2:9000/a");
        assert_eq!(copy.headers()["host"], "waste:8000");

        let inbound = Request::get("/a").header("host", "waste").body(()).unwrap();
        let copy = dressed(&inbound, &policy);
        assert_eq!(copy.uri(), "http://10.0.0.2:9000/a");
        assert_eq!(copy.headers()["host"], "waste");
    }

    #[test]
    fn the_shadow_suffix_stands_before_the_port() {
        let policy = MirrorPolicy::default().with_shadow_host(true);
        for (host, expected) in [
            ("svc:8000", "svc-shadow:8000"),
            ("svc", "svc-shadow"),
            ("[::1]:80", "[::1]-shadow:80"),
        ] {
            let request = Request::get("/").header("host", host).body(()).unwrap();
            assert_eq!(dressed(&request, &policy).headers()["host"], expected);
        }
        let nobody = Request::get("/").body(()).unwrap();
        let copy = dressed(&nobody, &policy);
        assert!(!copy.headers().contains_key("host"));
    }
}
