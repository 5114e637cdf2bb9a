//! The request that every case sends.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::Full;

/// A request with a small body.
pub type Req = Request<Full<Bytes>>;
/// A response with a small body, as a server of axum has it: the only one that `tower_governor` takes.
pub type Res = Response<Body>;

/// The names of the headers of a request.
pub const HEADERS: [&str; 8] = [
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "host",
    "origin",
    "user-agent",
    "x-request-id",
];
/// The value of each of them.
pub const VALUE: &str = "a value of a common length";
/// The body of requests and responses.
pub const BODY: &[u8] = b"hello";

/// Creates a request that a retry may send twice, so that the retry is armed.
pub fn request() -> Req {
    let mut request = Request::new(Full::new(Bytes::from_static(BODY)));
    *request.method_mut() = Method::PUT;
    for name in HEADERS {
        let name = HeaderName::from_static(name);
        let value = HeaderValue::from_static(VALUE);
        request.headers_mut().insert(name, value);
    }
    request
}

/// Creates a request that tells who sent it, as axum does.
pub fn request_from_peer() -> Req {
    let mut request = request();
    let address = SocketAddr::from(([10, 0, 0, 1], 80));
    request.extensions_mut().insert(ConnectInfo(address));
    request
}
