//! linkerd's breaker for each endpoint, which is our circuit breaker, and what it makes of
//! `Retry-After`, which is our retry.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the cases' numbers are small"
)]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Empty;
use meshless::circuit_breaker::OpenReason;
use meshless::circuit_breaker::{
    CircuitBreakerLayer, CircuitBreakerPolicy, CircuitBreakerTicket, CircuitState, FailureOn,
    Probes, Verdict, Window,
};
use meshless::outcome::GrpcStatus;
use meshless::retry::{Backoff, RetryLayer, RetryOn, RetryPolicy};
use meshless::{Outcome, Percent};
use serde_json::Value;
use tokio::time::{Instant, advance};
use tower::{Layer, ServiceExt, service_fn};

use crate::vectors::tally::{Tally, load};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn linkerd_breaker_cases() {
    let file = load("linkerd_breaker.json");
    let group = |name: &str| file[name].as_array().unwrap().clone();
    let mut tally = Tally::default();
    for case in group("cases") {
        println!("{}", case["name"]);
        if case["window_s"].as_f64().unwrap() < 0.01 {
            tally.skipped("a window of 1 ms, in which linkerd finds what came 2 ms ago");
            continue;
        }
        window(&case).await;
        tally.ran();
    }
    for case in group("consecutive") {
        consecutive(&case).await;
        tally.ran();
    }
    for case in group("unified") {
        println!("{}", case["name"]);
        unified(&case).await;
        tally.ran();
    }
    for case in group("retry_after") {
        println!("{}", case["name"]);
        retry_after(&case).await;
        tally.ran();
    }
    tally.assert(27, 1);
}

/// Opens when fewer than `threshold` of at least `min` calls succeed, 429 being no success.
fn rate(min: u64, threshold: f64, window: Duration) -> CircuitBreakerPolicy {
    let policy = CircuitBreakerPolicy::default()
        .with_consecutive_failures(0)
        .with_failure_on(FailureOn::default().with_too_many_requests(true))
        .with_growth(2.0)
        .with_jitter(Percent::NONE)
        .with_max_open_for(100 * SECOND)
        .with_minimum_calls(u32::try_from(min).unwrap())
        .with_open_for(SECOND)
        .with_probes(Probes::new(1))
        .with_ramp(Duration::ZERO)
        .with_window(Window::Time(window));
    if threshold == 0.0 {
        return policy;
    }
    // They ask for less than the threshold, and we for a rate that is reached.
    let failures = Percent::from_f64((1.0 - threshold) * 100.0).millionths();
    policy.with_failure_rate(Percent::per_million(failures + 1))
}

async fn window(case: &Value) {
    let length = Duration::from_secs_f64(case["window_s"].as_f64().unwrap());
    let steps = case["steps"].as_array().unwrap();
    for (index, step) in steps.iter().enumerate() {
        if let Some(ratio) = step.get("ratio") {
            let layer = CircuitBreakerLayer::new(rate(1_000_000, 0.5, length));
            play(&layer, &steps[..index], None).await;
            let counts = layer.counts();
            let rate =
                (counts.calls() > 0).then(|| 1.0 - counts.failed() as f64 / counts.calls() as f64);
            assert_eq!(rate, ratio.as_f64(), "{index}");
        } else if let Some([min, threshold]) = step["should_trip"].as_array().map(Vec::as_slice) {
            let layer = CircuitBreakerLayer::new(rate(1_000_000, 0.5, length));
            let judged = rate(min.as_u64().unwrap(), threshold.as_f64().unwrap(), length);
            play(&layer, &steps[..index], Some(judged)).await;
            let is_open = matches!(layer.state(), CircuitState::Open { .. });
            assert_eq!(is_open, step["expect"] == true, "{index}");
        }
    }
}

/// Plays the steps that record; the last record is judged by `judged`.
async fn play(layer: &CircuitBreakerLayer, steps: &[Value], judged: Option<CircuitBreakerPolicy>) {
    let began = Instant::now();
    let records = |step: &Value| step.get("record").is_some();
    let last = steps.iter().rposition(records);
    for (index, step) in steps.iter().enumerate() {
        if step["reset"] == true {
            layer.reset();
        }
        if !records(step) {
            continue;
        }
        let due = began + Duration::from_millis(step["at_ms"].as_u64().unwrap());
        advance(due.saturating_duration_since(Instant::now())).await;
        let good = step["record"] == true;
        let status = if good { 200 } else { 500 };
        let count = step["n"].as_u64().unwrap();
        for n in 1..=count {
            if let Some(judged) = judged.clone().filter(|_| Some(index) == last && n == count) {
                layer.reconfigure(judged);
            }
            call(layer, status);
        }
    }
}

fn call(layer: &CircuitBreakerLayer, status: u16) -> bool {
    let outcome = Outcome::Status(StatusCode::from_u16(status).unwrap());
    layer.admit().map(|ticket| ticket.settle(outcome)).is_ok()
}

async fn consecutive(case: &Value) {
    let max = u32::try_from(case["max_failures"].as_u64().unwrap()).unwrap();
    let layer = CircuitBreakerLayer::new(rate(1_000, 0.0, SECOND).with_consecutive_failures(max));
    let began = Instant::now();
    let mut straggler = layer.admit().ok();
    let mut permit: Option<CircuitBreakerTicket> = None;
    for step in case["steps"].as_array().unwrap() {
        let due = began + Duration::from_millis(step["at_ms"].as_u64().unwrap());
        advance(due.saturating_duration_since(Instant::now())).await;
        if let Some(response) = step["response"].as_str() {
            let (status, rest) = response.split_at(3);
            let status = StatusCode::from_u16(status.parse().unwrap()).unwrap();
            let ticket = match permit.take() {
                _ if !rest.is_empty() => straggler.take(),
                None => layer.admit().ok(),
                permit => permit,
            };
            ticket.unwrap().settle(Outcome::Status(status));
        }
        if step["take_permit"] == true {
            permit = Some(layer.admit().unwrap());
            assert!(layer.admit().is_err(), "{step}");
        }
        check(&layer, step["gate"].as_str().unwrap_or_default());
    }
}

fn check(layer: &CircuitBreakerLayer, gate: &str) {
    let state = layer.state();
    match gate.split('(').next() {
        Some("open") => assert_eq!(state, CircuitState::Closed),
        Some("shut") => {
            assert!(matches!(state, CircuitState::Open { .. }), "{state:?}");
            assert!(layer.admit().is_err());
        }
        // That one gets through is seen when it does.
        _ => {}
    }
}

/// The scripts of the cases, whose steps are sentences: statuses, waits, and what the gate is then.
fn script(name: &str) -> &'static str {
    match name {
        "trips_on_consecutive_failures" => "500 500 open 500 shut",
        "trips_on_low_success_rate" => "200 429 wait 429 shut rate",
        "cold_start_protects_success_rate" => "429 429 429 429 open",
        "probation_failure_on_429" => "500 500 500 shut wait 429 shut",
        "trips_on_low_success_rate_grpc_resource_exhausted" => "ok full full full full shut rate",
        "probation_success_on_classified_5xx" => "500 500 500 shut wait 501 open",
        "threshold_zero_disables_success_rate" => {
            "500 429 429 429 429 429 429 429 429 429 429 open"
        }
        "backoff_resets_to_base_on_retrip" => {
            "500 500 shut wait 200 open 500 500 shut wait 200 open"
        }
        "idle_reengages_cold_start_with_failure" => "200 200 200 idle 429 open 429 open 429 shut",
        "dual_mode_success_rate_trips_before_consecutive" => "200 429 429 429 429 shut rate",
        other => panic!("no script for {other}"),
    }
}

async fn unified(case: &Value) {
    let max = u32::try_from(case["max_failures"].as_u64().unwrap()).unwrap();
    let (min, threshold) = (case["min_requests"].as_u64(), case["threshold"].as_f64());
    // The classifier of one case takes a 5xx for a success.
    let failure_on = FailureOn::default()
        .with_too_many_requests(true)
        .with_grpc(&[GrpcStatus::RESOURCE_EXHAUSTED])
        .with_classifier(|outcome| {
            (outcome == Outcome::Status(StatusCode::NOT_IMPLEMENTED)).then_some(Verdict::Success)
        });
    let policy = rate(min.unwrap(), threshold.unwrap(), 10 * SECOND)
        .with_consecutive_failures(max)
        .with_failure_on(failure_on);
    let layer = CircuitBreakerLayer::new(policy);
    for step in script(case["name"].as_str().unwrap()).split(' ') {
        let settle = |status| {
            if let Ok(ticket) = layer.admit() {
                ticket.settle(Outcome::Grpc(status));
            }
        };
        match step {
            "wait" => advance(SECOND).await,
            "idle" => advance(200 * SECOND).await,
            "ok" => settle(GrpcStatus::OK),
            "full" => settle(GrpcStatus::RESOURCE_EXHAUSTED),
            "open" | "shut" => check(&layer, step),
            "rate" => {
                let CircuitState::Open { reason, .. } = layer.state() else {
                    panic!("not open");
                };
                assert!(
                    matches!(reason, OpenReason::FailureRate { .. }),
                    "{reason:?}"
                );
            }
            status => {
                call(&layer, status.parse().unwrap());
            }
        }
    }
}

/// How long the retry waits is what it has read.
async fn retry_after(case: &Value) {
    let header = match case["header"].as_str() {
        Some("now+60s as HTTP-date") => {
            let date = httpdate(SystemTime::now() + 60 * SECOND);
            Some((header::RETRY_AFTER, date))
        }
        Some(value) => Some((header::RETRY_AFTER, value.to_owned())),
        None => case["grpc_retry_pushback_ms"].as_str().map(|v| {
            (
                HeaderName::from_static("grpc-retry-pushback-ms"),
                v.to_owned(),
            )
        }),
    };
    let status = case["status"].as_u64().unwrap_or(429);
    let first = Arc::new(AtomicBool::new(true));
    let server = service_fn(move |_: Request<_>| {
        let mut response = Response::new(Empty::<Bytes>::new());
        if first.swap(false, Ordering::Relaxed) {
            *response.status_mut() = StatusCode::from_u16(status as u16).unwrap();
            if let Some((name, value)) = &header {
                let value = HeaderValue::from_str(value).unwrap();
                response.headers_mut().insert(name, value);
            }
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let policy = RetryPolicy::default()
        .with_attempts(1)
        .with_retry_on(RetryOn::parse("429").unwrap())
        .with_backoff(Backoff::constant(Duration::ZERO))
        .with_retry_after(SECOND * case["max_s"].as_u64().unwrap() as u32);
    let began = Instant::now();
    let request = Request::get("http://users/")
        .body(Empty::<Bytes>::new())
        .unwrap();
    RetryLayer::new(policy)
        .layer(server)
        .oneshot(request)
        .await
        .unwrap();
    let waited = began.elapsed().as_millis() as u64;
    let (low, high) = match &case["expect_ms"] {
        Value::Null => (0, 1),
        Value::String(range) => {
            let (low, high) = range.split_once("..").unwrap();
            (low.parse().unwrap(), high.parse().unwrap())
        }
        exactly => (exactly.as_u64().unwrap(), exactly.as_u64().unwrap()),
    };
    // Up to half as much again, so that not everybody comes back in the same moment.
    assert!((low..=high * 3 / 2 + 1).contains(&waited), "{waited}");
}

fn httpdate(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}
