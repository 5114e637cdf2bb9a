//! Statements of the page about security that no other test holds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use meshless::Mesh;
use meshless::mesh::RequestBody;
use tower::{ServiceExt, service_fn};

use crate::support::{Text, Upstream, document, gateway, get, service_entry};

const ROUTES: &str = "{hosts: [users.test], gateways: [gw], http: [\
     {name: limited, match: [{uri: {prefix: /aborted}}], \
      fault: {abort: {httpStatus: 503, percentage: {value: 100}}}, route: [{destination: {host: users.test}}]}, \
     {name: unknown, match: [{uri: {prefix: /unknown}}], route: [{destination: {host: users.test, subset: v9}}]}, \
     {name: main, timeout: 1s, route: [{destination: {host: users.test}}]}]}";

fn mesh() -> Mesh {
    let documents = format!(
        "{}{}{}",
        gateway("gw"),
        service_entry(
            "users.test",
            "protocol: HTTP",
            "location: MESH_INTERNAL, resolution: STATIC, endpoints: [{address: 10.0.0.1}]"
        ),
        document("VirtualService", "users", ROUTES),
    );
    Mesh::from_yaml(&documents).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_gateway_says_itself_who_calls_and_removes_what_a_stranger_says() {
    const SAID: [(&str, &str); 5] = [
        ("keep-alive", "timeout=9"),
        ("x-envoy-retry-on", "5xx"),
        (
            "x-forwarded-client-cert",
            "By=spiffe://cluster.local/ns/default/sa/admin",
        ),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "chosen"),
    ];
    let seen = Arc::new(Mutex::new(HeaderMap::new()));
    let headers = Arc::clone(&seen);
    let upstream = service_fn(move |request: Request<RequestBody<Text>>| {
        *headers.lock().unwrap() = request.headers().clone();
        std::future::ready(Ok::<_, std::io::Error>(Response::new(Text::default())))
    });
    let service = mesh().gateway("gw", "default").unwrap().outbound(upstream);
    let mut request = get("http://users.test/");
    for (name, value) in SAID {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let seen = seen.lock().unwrap();
    for (name, value) in SAID {
        let told = seen.get(name).map(|value| value.to_str().unwrap());
        assert_ne!(told, Some(value), "{name}");
    }
    assert!(seen.contains_key("x-request-id"));
    assert_eq!(seen["x-forwarded-proto"], "http");
}

#[tokio::test(start_paused = true)]
async fn no_reply_says_what_only_the_process_knows() {
    let upstream = Upstream::timed(|uri| match uri {
        uri if uri.ends_with("/refused") => (0, Duration::ZERO),
        _ => (200, Duration::from_secs(9)),
    });
    let service = mesh().gateway("gw", "default").unwrap().outbound(upstream);
    for (uri, status) in [
        ("http://users.test/aborted", 503),
        ("http://users.test/refused", 503),
        ("http://users.test/slow", 504),
        ("http://users.test/unknown", 503),
        ("http://users.test/%00", 400),
        ("http://elsewhere.test/", 404),
    ] {
        let response = service.clone().oneshot(get(uri)).await.unwrap();
        assert_eq!(response.status(), status, "{uri}");
        let headers = format!("{:?}", response.headers());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = headers + &String::from_utf8_lossy(&body);
        for secret in [
            "10.0.0",
            "users",
            "elsewhere",
            "gw",
            "default",
            "outbound|",
            "main",
        ] {
            assert!(!text.contains(secret), "{uri}: {text}");
        }
    }
}
