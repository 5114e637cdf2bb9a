//! Envoy's answer in place of this crate's own, where a mesh is asked for it.

use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use meshless::Mesh;
use meshless::mesh::{MeshBuilder, RequestBody};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{
    Text, Upstream, destination_rule, get, service_entry, statuses, virtual_service,
};

const URI: &str = "http://users.internal/";

/// A service at so many addresses, and what else is said of it.
fn documents(addresses: u8, route: &str, rule: &str) -> String {
    let endpoints = (1..=addresses).map(|n| format!("{{address: 10.0.0.{n}}}"));
    let endpoints = endpoints.collect::<Vec<_>>().join(", ");
    let service = format!("resolution: STATIC, endpoints: [{endpoints}]");
    let rule = format!("loadBalancer: {{simple: ROUND_ROBIN}}, {rule}");
    service_entry("users.internal", "protocol: HTTP", &service)
        + &virtual_service("users.internal", route, "")
        + &destination_rule("users.internal", &rule)
}

/// This crate's way, and Envoy's.
fn both(text: &str) -> [Mesh; 2] {
    let builders: [MeshBuilder; 2] = [Mesh::builder(), Mesh::builder().with_envoy_behaviour()];
    builders.map(|builder| builder.with_seed(1).read_yaml(text).unwrap())
}

const RETRIES: &str = "retries: {attempts: 2, retryOn: 5xx}";

#[tokio::test(start_paused = true)]
async fn every_request_of_an_outage_has_all_its_retries() {
    let mut tries = Vec::new();
    for mesh in both(&documents(1, RETRIES, "")) {
        let upstream = Upstream::new(|_| 503);
        let service = mesh.workload("w", "default").outbound(upstream.clone());
        statuses(&service, URI, 200).await;
        tries.push(upstream.count());
    }
    assert_eq!(tries, [250, 600]);
}

#[tokio::test(start_paused = true)]
async fn a_negative_pushback_forbids_no_retry() {
    let mut tries = Vec::new();
    for mesh in both(&documents(
        1,
        "retries: {attempts: 1, retryOn: unavailable}",
        "",
    )) {
        let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = std::sync::Arc::clone(&count);
        let upstream = service_fn(move |_: Request<RequestBody<Text>>| {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let response = Response::builder()
                .header("content-type", "application/grpc")
                .header("grpc-status", "14")
                .header("grpc-retry-pushback-ms", "-1");
            std::future::ready(Ok::<_, std::io::Error>(
                response.body(Text::default()).unwrap(),
            ))
        });
        let service = mesh.workload("w", "default").outbound(upstream);
        let mut request = get(URI);
        let grpc = "application/grpc".parse().unwrap();
        request.headers_mut().insert("content-type", grpc);
        drop(service.oneshot(request).await.unwrap());
        tries.push(count.load(std::sync::atomic::Ordering::Relaxed));
    }
    assert_eq!(tries, [1, 2]);
}

/// Envoy reports the status as the head arrives, and then the reset as a 503: a 200 ends a row of failures, so that
/// only a limit of one is ever reached.
#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_is_a_failure_after_the_success_of_its_head() {
    use http_body::Frame;
    use http_body_util::StreamBody;

    for (limit, expected) in [(1, [200, 503, 503]), (2, [200, 200, 200])] {
        let rule =
            format!("outlierDetection: {{consecutive5xxErrors: {limit}, maxEjectionPercent: 100}}");
        for mesh in both(&documents(1, "", &rule)) {
            let upstream = service_fn(|_: Request<RequestBody<Text>>| {
                let frames = [
                    Ok(Frame::data(bytes::Bytes::from("half"))),
                    Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
                ];
                let body = StreamBody::new(futures_util::stream::iter(frames));
                std::future::ready(Ok::<_, std::io::Error>(Response::new(body)))
            });
            let service = mesh.workload("w", "default").outbound(upstream);
            for status in expected {
                let response = service.clone().oneshot(get(URI)).await.unwrap();
                assert_eq!(response.status(), status, "{limit}");
                let is_whole = response.into_body().collect().await.is_ok();
                assert_eq!(is_whole, status == 503);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_written_holds_all_the_same() {
    let rule = "retryBudget: {percent: 0, minRetryConcurrency: 0}";
    for mesh in both(&documents(1, RETRIES, rule)) {
        let upstream = Upstream::new(|_| 503);
        let service = mesh.workload("w", "default").outbound(upstream.clone());
        statuses(&service, URI, 20).await;
        assert_eq!(upstream.count(), 20);
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_is_repeated_with_a_body_of_a_mebibyte() {
    let mut tries = Vec::new();
    for mesh in both(&documents(1, RETRIES, "")) {
        for (method, size) in [
            ("POST", 10),
            ("PUT", 60_000),
            ("PUT", 900_000),
            ("PUT", 1_100_000),
        ] {
            let read = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let counter = std::sync::Arc::clone(&read);
            let upstream = service_fn(move |request: Request<RequestBody<Streamed>>| {
                let counter = std::sync::Arc::clone(&counter);
                async move {
                    counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let _ = request.into_body().collect().await;
                    let mut response = Response::new(Text::default());
                    *response.status_mut() = StatusCode::BAD_GATEWAY;
                    Ok::<_, std::io::Error>(response)
                }
            });
            let service = mesh.workload("w", "default").outbound(upstream);
            let request = Request::builder().method(method).uri(URI);
            let request = request.body(streamed(size)).unwrap();
            service.oneshot(request).await.unwrap();
            tries.push(read.load(std::sync::atomic::Ordering::Relaxed));
        }
    }
    assert_eq!(tries, [1, 3, 1, 1, 3, 3, 3, 1]);
}

/// A body of many frames, as one that is not in memory has.
type Streamed = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, std::convert::Infallible>;

fn streamed(size: usize) -> Streamed {
    let frame = |len| Ok(http_body::Frame::data(bytes::Bytes::from(vec![b'a'; len])));
    let frames = (0..size)
        .step_by(10_000)
        .map(move |at| frame(10_000.min(size - at)));
    http_body_util::StreamBody::new(futures_util::stream::iter(frames.collect::<Vec<_>>()))
        .boxed_unsync()
}

#[tokio::test(start_paused = true)]
async fn a_server_does_not_say_when_to_come_back() {
    let mut waits = Vec::new();
    let timed = format!("timeout: 60s, {RETRIES}");
    for route in [&*timed, RETRIES] {
        for mesh in both(&documents(1, route, "")) {
            let upstream = service_fn(|_: Request<RequestBody<Text>>| async {
                let response = Response::builder().status(503).header("retry-after", "20");
                Ok::<_, std::io::Error>(response.body(Text::default()).unwrap())
            });
            let service = mesh.workload("w", "default").outbound(upstream);
            let began = Instant::now();
            service.oneshot(get(URI)).await.unwrap();
            waits.push(began.elapsed().as_secs());
        }
    }
    // Only within the route's own time, and not at all without one: no caller hangs for it.
    assert!((40..=60).contains(&waits[0]), "{waits:?}");
    assert_eq!(waits[1..], [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_not_enabled_limits_nothing() {
    let limit = |more: &str| {
        format!(
            "
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {{name: limit}}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: {{context: SIDECAR_OUTBOUND}}
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.local_ratelimit
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
          stat_prefix: limit
          token_bucket: {{max_tokens: 2, tokens_per_fill: 2, fill_interval: 60s}}
          {more}
"
        )
    };
    let all = "{default_value: {numerator: 100, denominator: HUNDRED}}";
    let written = limit(&format!(
        "filter_enabled: {all}\n          filter_enforced: {all}"
    ));
    for (text, expected) in [(limit(""), [2, 5]), (written, [2, 2])] {
        let passed = both(&text).map(|mesh| async move {
            let service = mesh
                .workload("w", "default")
                .outbound(Upstream::new(|_| 200));
            let all = statuses(&service, "http://any.test/", 5).await;
            all.iter().filter(|status| **status == 200).count()
        });
        let [ours, envoys] = passed;
        assert_eq!([ours.await, envoys.await], expected, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_endpoint_is_never_ejected() {
    let rule = "outlierDetection: {consecutive5xxErrors: 3}";
    let route = "retries: {attempts: 0}";
    let mut last = Vec::new();
    for mesh in both(&documents(1, route, rule)) {
        let service = mesh
            .workload("w", "default")
            .outbound(Upstream::new(|_| 500));
        last.push(statuses(&service, URI, 4).await[3]);
    }
    assert_eq!(last, [503, 500]);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_comes_back_has_its_share_at_once() {
    let rule = "outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100, interval: 1s, baseEjectionTime: 1s}";
    let mut shares = Vec::new();
    for mesh in both(&documents(2, "retries: {attempts: 0}", rule)) {
        let failing = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        let fails = std::sync::Arc::clone(&failing);
        let upstream = Upstream::new(move |uri| {
            let fails = fails.load(std::sync::atomic::Ordering::Relaxed);
            if fails && uri.contains("10.0.0.1") {
                500
            } else {
                200
            }
        });
        let service = mesh.workload("w", "default").outbound(upstream.clone());
        statuses(&service, URI, 4).await;
        failing.store(false, std::sync::atomic::Ordering::Relaxed);
        tokio::time::advance(Duration::from_secs(3)).await;
        let before = upstream.count();
        statuses(&service, URI, 100).await;
        let asked = upstream.asked();
        let back = asked[before..]
            .iter()
            .filter(|uri| uri.contains("10.0.0.1"));
        shares.push(back.count());
    }
    assert!(shares[0] < 30, "{shares:?}");
    assert!((48..=52).contains(&shares[1]), "{shares:?}");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_caller_does_not_count() {
    let mut answers = Vec::new();
    for mesh in both(&documents(1, "", "")) {
        let app = service_fn(|_: Request<_>| async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            Ok::<_, std::convert::Infallible>(Response::new(Text::default()))
        });
        let app = mesh.workload("w", "default").server().layer(app);
        let request = Request::get("/").header("x-envoy-expected-rq-timeout-ms", "100");
        let request = request.body(Full::<bytes::Bytes>::default()).unwrap();
        answers.push(app.oneshot(request).await.unwrap().status().as_u16());
    }
    assert_eq!(answers, [504, 200]);
}
