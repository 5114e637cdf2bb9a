//! Which timeout holds for a request and for a try, what is told to the upstream, and what is
//! answered when the time is over: Envoy's own cases.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use meshless::Rejection;
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use serde_json::Value;
use tokio::time::{Instant, timeout};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::vectors::tally::{Tally, load};

const LONG: Duration = Duration::from_secs(24 * 3_600);

#[tokio::test(start_paused = true)]
async fn envoy_timeouts() {
    let mut tally = Tally::default();
    let file = load("envoy_timeouts.json");
    for case in file["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let (total, per_try) = policies(case);
        let expect = &case["expect"];

        let global = time_to_504(TimeoutLayer::new(total.clone()).layer(hangs()), case).await;
        assert_eq!(global, ms(&expect["global_timeout_ms"]), "{name}: global");

        // A try that may take as long as the whole request is no limit of its own.
        let tried = time_to_504(TimeoutLayer::new(per_try.clone()).layer(hangs()), case).await;
        let tried = if !global.is_zero() && tried >= global {
            Duration::ZERO
        } else {
            tried
        };
        assert_eq!(tried, ms(&expect["per_try_timeout_ms"]), "{name}: per try");

        let told = told(&total, &per_try, case).await;
        for (header, value) in expect["headers"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap();
            assert_eq!(told[header.as_str()], value, "{name}: {header}");
        }
        for header in expect["headers_absent"].as_array().into_iter().flatten() {
            let header = header.as_str().unwrap();
            assert!(!told.contains_key(header), "{name}: {header}");
        }
        tally.ran();
    }
    tally.assert(15, 0);
}

/// Translates a route of Envoy: one layer for the request, one for each try.
fn policies(case: &Value) -> (TimeoutPolicy, TimeoutPolicy) {
    let route = &case["route"];
    let is = |key: &str| case[key].as_bool().unwrap();
    let max_grpc = &route["max_grpc_timeout_ms"];
    let by_grpc = is("grpc_request") && !max_grpc.is_null();
    let limit = ms(if by_grpc {
        max_grpc
    } else {
        &route["timeout_ms"]
    });
    let total = TimeoutPolicy::total(limit)
        .with_envoy_headers(true)
        .with_header_overrides(true)
        .with_incoming(by_grpc || is("respect_expected_rq_timeout"))
        .with_grpc_offset(ms(&route["grpc_timeout_offset_ms"]));
    let per_try = TimeoutPolicy::per_try(ms(&route["per_try_timeout_ms"]))
        .with_envoy_headers(true)
        .with_header_overrides(true)
        .with_incoming(false)
        // A hedged try may run on after its time, so the upstream is told the whole one.
        .with_outgoing(!is("hedge_on_per_try_timeout"));
    (total, per_try)
}

fn request(case: &Value) -> Request<()> {
    let mut request = Request::new(());
    if case["grpc_request"].as_bool().unwrap() {
        let grpc = HeaderValue::from_static("application/grpc");
        request.headers_mut().insert("content-type", grpc);
    }
    for header in case["request"].as_array().unwrap() {
        let name: HeaderName = header[0].as_str().unwrap().parse().unwrap();
        let value = header[1].as_str().unwrap().parse().unwrap();
        request.headers_mut().insert(name, value);
    }
    request
}

/// Returns the headers that reach the upstream.
async fn told(total: &TimeoutPolicy, per_try: &TimeoutPolicy, case: &Value) -> HeaderMap {
    let seen = Arc::new(Mutex::new(HeaderMap::new()));
    let notes = Arc::clone(&seen);
    let upstream = service_fn(move |request: Request<()>| {
        notes.lock().unwrap().clone_from(request.headers());
        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
    });
    let tries = TimeoutLayer::new(per_try.clone()).layer(upstream);
    let service = TimeoutLayer::new(total.clone()).layer(tries);
    service.oneshot(request(case)).await.unwrap();
    seen.lock().unwrap().clone()
}

fn hangs()
-> impl Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send> + Clone
{
    service_fn(|_: Request<()>| std::future::pending())
}

/// Returns after how long `service` gives up; 0 if it never does.
async fn time_to_504<S, R>(service: S, case: &Value) -> Duration
where
    S: Service<Request<()>, Response = Response<R>, Error = Infallible>,
{
    let before = Instant::now();
    match timeout(LONG, service.oneshot(request(case))).await {
        Ok(response) => {
            let rejection = Rejection::of(&response.unwrap()).copied();
            assert_eq!(rejection, Some(Rejection::TimedOut(before.elapsed())));
            before.elapsed()
        }
        Err(_) => Duration::ZERO,
    }
}

fn ms(value: &Value) -> Duration {
    Duration::from_millis(value.as_u64().unwrap_or_default())
}
