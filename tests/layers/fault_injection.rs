//! Faults as callers and the layers around them see them.

use std::time::Duration;

use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use meshless::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
use meshless::outcome::GrpcStatus;
use meshless::{Outcome, Percent, Rejection};
use tokio::time::{Instant, advance};
use tower::Layer;

use crate::support::{Upstream, call, send, start};

const ABORT: Abort = Abort::Http(StatusCode::SERVICE_UNAVAILABLE);
const SECOND: Duration = Duration::from_secs(1);

fn always() -> FaultInjectionPolicy {
    FaultInjectionPolicy::off().with_abort(Percent::ALL, ABORT)
}

#[tokio::test]
async fn an_abort_answers_as_envoy_does_and_the_upstream_sees_nothing() {
    let upstream = Upstream::new();
    let response = send(&mut FaultInjectionLayer::new(always()).layer(upstream.clone())).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain");
    assert_eq!(Outcome::of_response(&response), Some(Outcome::Rejected));
    assert_eq!(Rejection::of(&response).unwrap().flag(), "FI");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "fault filter abort");
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn a_grpc_caller_is_aborted_with_a_grpc_status() {
    for (abort, expected) in [(Abort::Grpc(GrpcStatus::NOT_FOUND), "5"), (ABORT, "14")] {
        let policy = FaultInjectionPolicy::off().with_abort(Percent::ALL, abort);
        let mut service = FaultInjectionLayer::new(policy).layer(Upstream::new());
        let mut request = Request::new(());
        let grpc = HeaderValue::from_static("application/grpc");
        request.headers_mut().insert(header::CONTENT_TYPE, grpc);
        let response = call(&mut service, request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["grpc-status"], expected);
        assert_eq!(response.headers()["grpc-message"], "fault filter abort");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_request_waits_and_is_then_aborted() {
    let layer = FaultInjectionLayer::new(always().with_delay(Percent::ALL, SECOND));
    let begin = Instant::now();
    let response = send(&mut layer.layer(Upstream::new())).await;
    assert_eq!(begin.elapsed(), SECOND);
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let stats = layer.stats();
    assert_eq!((stats.delays, stats.aborts, stats.active), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_during_its_delay_is_counted_out() {
    let policy = FaultInjectionPolicy::off().with_delay(Percent::ALL, SECOND);
    let layer = FaultInjectionLayer::new(policy);
    let upstream = Upstream::new();
    let call = start(&mut layer.layer(upstream.clone()), Request::new(()));
    assert_eq!(layer.stats().active, 1);
    drop(call);
    advance(SECOND).await;
    assert_eq!((layer.stats().active, upstream.calls()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_suffer_at_a_time() {
    let policy = FaultInjectionPolicy::off()
        .with_delay(Percent::ALL, SECOND)
        .with_max_active(1);
    let layer = FaultInjectionLayer::new(policy);
    let mut service = layer.layer(Upstream::new());
    let delayed = start(&mut service, Request::new(()));
    let begin = Instant::now();
    send(&mut service).await;
    assert!(begin.elapsed().is_zero(), "spared");
    assert_eq!(layer.stats().overflows, 1);
    delayed.await.unwrap();
    assert_eq!(begin.elapsed(), SECOND);
}

#[tokio::test]
async fn a_policy_is_replaced_for_all_services_of_the_layer() {
    let layer = FaultInjectionLayer::new(always());
    let mut service = layer.layer(Upstream::new());
    layer.clone().reconfigure(FaultInjectionPolicy::off());
    assert_eq!(send(&mut service).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn seeded_dice_hit_about_the_share_and_the_same_requests_again() {
    let policy = FaultInjectionPolicy::off().with_abort(Percent::new(20), ABORT);
    let mut runs = Vec::new();
    for _ in 0..2 {
        let layer = FaultInjectionLayer::with_seed(policy.clone(), 42);
        let mut service = layer.layer(Upstream::new());
        let mut hits = Vec::new();
        for _ in 0..1_000 {
            hits.push(send(&mut service).await.status() == StatusCode::SERVICE_UNAVAILABLE);
        }
        runs.push(hits);
    }
    assert_eq!(runs[0], runs[1]);
    let hits = runs[0].iter().filter(|hit| **hit).count();
    assert!((160..240).contains(&hits), "{hits} of 1000");
}

#[tokio::test]
async fn inside_a_retry_an_abort_counts_as_the_upstreams_answer() {
    let policy = always().with_abort_as_upstream(true);
    let response = send(&mut FaultInjectionLayer::new(policy).layer(Upstream::new())).await;
    let outcome = Outcome::Status(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(Outcome::of_response(&response), Some(outcome));
}
