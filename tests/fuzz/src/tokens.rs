//! Any bytes whatever as a token, a set of keys and a query: each request gets an answer, and only what is signed passes.
#![no_main]

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Empty;
use libfuzzer_sys::fuzz_target;
use meshless::identity::RequestClaims;
use meshless::jwt::{Jwks, JwtLayer, JwtPolicy, JwtRule};
use tower::{Layer, Service, service_fn};

const KEYS: &str = r#"{"keys": [
    {"kty": "oct", "kid": "h", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"},
    {"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
]}"#;

fuzz_target!(|bytes: &[u8]| {
    // The first byte says what the others are.
    let Some((what, bytes)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    let keys = match what % 4 {
        0 => match Jwks::from_json(&text) {
            Ok(keys) => keys,
            Err(_) => return,
        },
        _ => Jwks::from_json(KEYS).expect("keys"),
    };
    let rule = JwtRule::new("", keys)
        .with_header(http::header::AUTHORIZATION, "Bearer ")
        .with_param("t")
        .with_cookie("t")
        .with_payload_header(http::HeaderName::from_static("x-payload"))
        .with_claim_header("a.b", http::HeaderName::from_static("x-claim"));
    let layer = JwtLayer::new(JwtPolicy::new([rule]));
    let mut service = layer.layer(service_fn(|request: Request<()>| async move {
        // No key of these has signed anything.
        assert!(RequestClaims::of(request.extensions()).is_none());
        assert!(!request.headers().contains_key("x-payload"));
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    let mut request = Request::new(());
    let value = match what % 4 {
        1 => HeaderValue::from_bytes(bytes).map(|value| ("cookie", value)),
        2 => {
            if let Ok(uri) = format!("/?{text}").parse() {
                *request.uri_mut() = uri;
            }
            Ok(("x-payload", HeaderValue::from_static("spoofed")))
        }
        _ => HeaderValue::from_bytes(&[b"Bearer ", bytes].concat())
            .map(|value| ("authorization", value)),
    };
    if let Ok((name, value)) = value {
        request.headers_mut().insert(name, value);
    }
    let cx = &mut Context::from_waker(Waker::noop());
    let answer = pin!(service.call(request)).poll(cx);
    let Poll::Ready(Ok(response)) = answer else {
        panic!("no answer");
    };
    assert!(matches!(response.status().as_u16(), 200 | 401 | 403));
});
