//! The host of a copy, as Envoy's shadow writer has it.

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use meshless::mirror::{CopyBody, MirrorLayer, MirrorPolicy};
use tower::{Layer, Service, service_fn};

use crate::vectors::tally::{Tally, load};

/// The other groups of the file are those of `traffic_split`.
#[tokio::test]
async fn envoy_shadow_hosts() {
    let vectors = load("envoy_headers.json");
    let mut tally = Tally::default();
    for case in vectors["shadow_host"]["cases"].as_array().unwrap() {
        let suffix = !case["suffix_disabled"].as_bool().unwrap();
        let seen = host(case["host"].as_str().unwrap(), suffix).await;
        assert_eq!(seen, case["expect"].as_str().unwrap(), "{case}");
        tally.ran();
    }
    tally.assert(2, 0);
}

/// Returns the host that a mirror sees of a request to `host`.
async fn host(host: &str, suffix: bool) -> String {
    let seen = Arc::new(Mutex::new(String::new()));
    let note = Arc::clone(&seen);
    let mirror = service_fn(move |request: Request<CopyBody>| {
        let host = request.headers()["host"].to_str().unwrap();
        host.clone_into(&mut note.lock().unwrap());
        ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
    });
    let layer = MirrorLayer::new(MirrorPolicy::default().with_shadow_host(suffix), mirror);
    let upstream = service_fn(|_: Request<_>| ready(Ok::<_, Infallible>(())));
    let request = Request::get("/").header("host", host);
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    layer.layer(upstream).call(request).await.unwrap();
    while layer.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    let seen = seen.lock().unwrap();
    seen.clone()
}
