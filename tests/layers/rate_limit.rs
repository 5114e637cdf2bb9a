//! The rate limit as a layer: what it answers, what it shares, what it keeps.

use std::convert::Infallible;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use meshless::events::EventKind;
use meshless::outcome::GrpcStatus;
use meshless::rate_limit::{
    Charge, RateLimitHeaders, RateLimitLayer, RateLimitPolicy, RateLimiter,
};
use meshless::{Percent, Rejection};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{Events, Script, Upstream, call, send, start};

const SECOND: Duration = Duration::from_secs(1);

fn layer(policy: RateLimitPolicy) -> RateLimitLayer {
    RateLimitLayer::new(policy)
}

/// Sends requests until one is turned away; returns how many were not.
async fn drain<S, R>(service: &mut S) -> usize
where
    S: Service<Request<()>, Response = Response<R>>,
    S::Error: std::fmt::Debug,
{
    let mut passed = 0;
    while send(service).await.status() != StatusCode::TOO_MANY_REQUESTS {
        passed += 1;
    }
    passed
}

#[tokio::test(start_paused = true)]
async fn what_is_over_the_limit_gets_envoys_answer_and_never_reaches_the_upstream() {
    let upstream = Upstream::new();
    let mut service = layer(RateLimitPolicy::per_minute(1)).layer(upstream.clone());
    assert_eq!(send(&mut service).await.status(), StatusCode::OK);

    tokio::time::advance(Duration::from_millis(14_500)).await;
    let response = send(&mut service).await;
    assert_eq!(upstream.calls(), 1);
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()[header::RETRY_AFTER], "46");
    assert_eq!(response.headers()["ratelimit"], "\"default\";r=0;t=46");
    assert_eq!(
        response.headers()["ratelimit-policy"],
        "\"default\";q=1;w=60"
    );
    let rejection = *Rejection::of(&response).unwrap();
    assert_eq!((rejection.flag(), rejection.policy()), ("RL", "rate_limit"));
    assert_eq!(rejection.retry_after(), Some(Duration::from_millis(45_500)));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "local_rate_limited");

    tokio::time::advance(Duration::from_millis(45_500)).await;
    assert_eq!(send(&mut service).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_never_zero_however_short_the_wait() {
    let policy = RateLimitPolicy::token_bucket(1, 1, Duration::from_millis(1));
    let mut service = layer(policy).layer(Upstream::new());
    send(&mut service).await;
    let response = send(&mut service).await;
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
}

#[tokio::test(start_paused = true)]
async fn a_grpc_caller_is_told_in_grpc() {
    let grpc = || {
        let request = Request::builder().header(header::CONTENT_TYPE, "application/grpc");
        request.body(()).unwrap()
    };
    let exhausted = GrpcStatus::RESOURCE_EXHAUSTED;
    let policy = RateLimitPolicy::per_second(0).with_status(StatusCode::SERVICE_UNAVAILABLE);
    for (policy, status) in [
        (policy.clone(), "14"),
        (policy.with_grpc_status(exhausted), "8"),
    ] {
        let mut service = layer(policy).layer(Upstream::new());
        let response = call(&mut service, grpc()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["grpc-status"], status);
        assert_eq!(response.headers()["grpc-message"], "local_rate_limited");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_let_in_is_not_told_to_come_back() {
    let policy = RateLimitPolicy::per_second(5).with_cost(|_| 6);
    let response = send(&mut layer(policy).layer(Upstream::new())).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(!response.headers().contains_key(header::RETRY_AFTER));
}

#[tokio::test(start_paused = true)]
async fn clones_and_services_of_one_layer_share_its_limit() {
    // axum makes a service for each connection and a clone for each request.
    let layer = layer(RateLimitPolicy::per_minute(3));
    let mut passed = 0;
    for _connection in 0..5 {
        let service = layer.clone().layer(Upstream::new());
        for _request in 0..2 {
            let response = send(&mut service.clone()).await;
            passed += usize::from(response.status() == StatusCode::OK);
        }
    }
    assert_eq!(passed, 3);
    assert_eq!(layer.stats().enforced, 7);
}

#[tokio::test(start_paused = true)]
async fn at_most_holds_in_any_minute_where_a_bucket_lets_nearly_twice_as_many_in() {
    let minute = Duration::from_secs(60);
    let bucket = RateLimitPolicy::token_bucket(20, 20, minute);
    for (policy, in_a_minute) in [(RateLimitPolicy::per_minute(20), 20), (bucket, 39)] {
        let mut service = layer(policy).layer(Upstream::new());
        let mut passed = drain(&mut service).await;
        for _ in 0..59 {
            tokio::time::advance(SECOND).await;
            passed += drain(&mut service).await;
        }
        assert_eq!(passed, in_a_minute);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replaced_policy_keeps_what_was_used() {
    let bucket = |n| RateLimitPolicy::token_bucket(n, 1, Duration::from_secs(3600));
    let kinds: [&dyn Fn(u64) -> RateLimitPolicy; 2] = [&RateLimitPolicy::per_minute, &bucket];
    for before in kinds {
        for after in kinds {
            for keys in [100_000, 7] {
                let layer = layer(before(10));
                let mut service = layer.layer(Upstream::new());
                for _ in 0..5 {
                    send(&mut service).await;
                }
                layer.reconfigure(after(20).with_max_keys(keys));
                assert_eq!(drain(&mut service).await, 15);
                layer.reconfigure(before(5));
                assert_eq!(drain(&mut service).await, 0);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn switched_off_it_lets_all_in_and_forgets_nothing() {
    let layer = layer(RateLimitPolicy::per_minute(2));
    let mut service = layer.layer(Upstream::new());
    assert_eq!(drain(&mut service).await, 2);
    layer.reconfigure(RateLimitPolicy::off());
    for _ in 0..9 {
        assert_eq!(send(&mut service).await.status(), StatusCode::OK);
    }
    layer.reconfigure(RateLimitPolicy::per_minute(3));
    assert_eq!(drain(&mut service).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_let_in_is_counted_even_if_its_future_is_never_polled() {
    let layer = layer(RateLimitPolicy::per_minute(2));
    let upstream = Upstream::new();
    let mut service = layer.layer(upstream.clone());
    drop(start(&mut service, Request::new(())));
    let hanging =
        service_fn(|_: Request<()>| std::future::pending::<Result<Response<Script>, Infallible>>());
    let mut pending = layer.layer(hanging);
    let mut call = Box::pin(start(&mut pending, Request::new(())));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(call.as_mut().poll(&mut cx).is_pending());
    drop(call);
    assert_eq!(drain(&mut service).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_is_not_ready_keeps_its_caller_waiting_and_costs_nothing() {
    let (inner, mut handle) = tower_test::mock::pair::<Request<()>, Response<Empty<Bytes>>>();
    let limiter = RateLimiter::new(RateLimitPolicy::per_minute(5));
    let mut service = RateLimitLayer::from(limiter.clone()).layer(inner);
    handle.allow(0);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(service.poll_ready(&mut cx).is_pending());
    assert_eq!(limiter.status().remaining, 5);
    handle.allow(1);
    service.ready().await.unwrap();
    drop(service.call(Request::new(())));
    assert_eq!(limiter.status().remaining, 4);
}

#[tokio::test(start_paused = true)]
async fn the_error_of_the_inner_service_passes_through() {
    #[derive(Debug, PartialEq)]
    struct Own(u8);
    let inner = service_fn(|_: Request<()>| async { Err::<Response<Script>, _>(Own(7)) });
    let mut service = layer(RateLimitPolicy::per_minute(1)).layer(inner);
    assert_eq!(
        call(&mut service, Request::new(())).await.err(),
        Some(Own(7))
    );
}

#[tokio::test(start_paused = true)]
async fn admitted_answers_tell_what_is_left_if_the_policy_says_so() {
    let bucket = RateLimitPolicy::token_bucket(10, 5, Duration::from_secs(10))
        .with_name("burst")
        .with_headers(RateLimitHeaders::AllAndEnvoy);
    let mut service = layer(bucket).layer(Upstream::new());
    for remaining in (0..10_u64).rev() {
        let response = send(&mut service).await;
        let headers = response.headers();
        let (reset, full) = (if remaining > 0 { 0 } else { 2 }, 20 - remaining * 2);
        let t = if remaining > 0 { full } else { 2 };
        assert_eq!(
            headers["ratelimit"],
            format!("\"burst\";r={remaining};t={t}")
        );
        assert_eq!(headers["ratelimit-policy"], "\"burst\";q=10;w=20");
        assert_eq!(headers["x-ratelimit-limit"], "10");
        assert_eq!(headers["x-ratelimit-remaining"], remaining.to_string());
        assert_eq!(headers["x-ratelimit-reset"], reset.to_string());
    }
    let response = send(&mut service).await;
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    assert_eq!(response.headers()["x-ratelimit-reset"], "2");
}

#[tokio::test(start_paused = true)]
async fn answers_of_an_unlimited_kind_have_no_headers_of_ours() {
    for headers in [RateLimitHeaders::None, RateLimitHeaders::Rejections] {
        let policy = RateLimitPolicy::per_minute(1).with_headers(headers);
        let mut service = layer(policy).layer(Upstream::new());
        assert!(send(&mut service).await.headers().is_empty());
        let rejected = send(&mut service).await;
        let told = headers == RateLimitHeaders::Rejections;
        assert_eq!(rejected.headers().contains_key("ratelimit"), told);
        assert!(rejected.headers().contains_key(header::RETRY_AFTER));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_reports_and_turns_nobody_away() {
    let events = Events::default();
    let policy = RateLimitPolicy::per_minute(1).with_enforced(Percent::NONE);
    let layer = RateLimitLayer::with_observer(policy, events.observer());
    let mut service = layer.layer(Upstream::new());
    for _ in 0..3 {
        assert_eq!(send(&mut service).await.status(), StatusCode::OK);
    }
    assert_eq!((layer.stats().rate_limited, layer.stats().enforced), (2, 0));
    let would =
        |event: &EventKind| matches!(event, EventKind::WouldReject(Rejection::RateLimited(_)));
    assert_eq!(events.count(would), 2);
}

#[tokio::test(start_paused = true)]
async fn a_share_of_a_limit_is_rounded_down_but_never_to_nothing() {
    for (n, part, whole, share) in [(20, 1, 3, 6), (2, 1, 3, 1), (20, 0, 3, 0), (20, 9, 3, 20)] {
        let policy = RateLimitPolicy::per_minute(n).with_share(part, whole);
        let mut service = layer(policy).layer(Upstream::new());
        assert_eq!(drain(&mut service).await, share);
    }
    let policy = RateLimitPolicy::token_bucket(10, 1, SECOND).with_share(1, 2);
    let mut service = layer(policy).layer(Upstream::new());
    assert_eq!(drain(&mut service).await, 5);
    tokio::time::advance(SECOND).await;
    assert_eq!(drain(&mut service).await, 0);
    tokio::time::advance(SECOND).await;
    assert_eq!(drain(&mut service).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_pays_for_what_it_asks_and_settles_by_what_the_head_says() {
    let tokens = |head: &http::HeaderMap| head.get("x-tokens")?.to_str().ok()?.parse().ok();
    let policy = RateLimitPolicy::per_minute(100)
        .with_cost(move |head| tokens(head.headers()).unwrap_or(1))
        .with_usage(move |head, charged| tokens(head.headers()).unwrap_or(charged));
    let layer = layer(policy);
    let answer = |used: &'static str| {
        let mut response = Response::new(Script::default());
        let used = HeaderValue::from_static(used);
        response.headers_mut().insert("x-tokens", used);
        response
    };
    let upstream = Upstream::new()
        .then_response(answer("10"))
        .then_response(answer("120"));
    let mut service = layer.layer(upstream);
    let ask = || {
        Request::builder()
            .header("x-tokens", "60")
            .body(())
            .unwrap()
    };

    call(&mut service, ask()).await.unwrap();
    assert_eq!(layer.limiter().status().remaining, 90);
    call(&mut service, ask()).await.unwrap();
    assert_eq!(layer.limiter().status().remaining, 0);
    let refused = call(&mut service, ask()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_the_body_settles_the_charge_and_the_last_word_holds() {
    for policy in [
        RateLimitPolicy::per_minute(100),
        RateLimitPolicy::token_bucket(100, 1, SECOND),
    ] {
        let layer = layer(policy.with_cost(|_| 50).with_charge(true));
        let mut service = layer.layer(Upstream::new());
        let response = send(&mut service).await;
        let charge = response.extensions().get::<Charge>().unwrap().clone();
        drop(response);
        assert_eq!(charge.charged(), 50);
        for (actual, remaining) in [(20, 80), (70, 30), (0, 100), (10, 90)] {
            charge.settle(actual);
            assert_eq!(layer.limiter().status().remaining, remaining);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_come_back_by_itself_is_not_given_back_again() {
    let limiter = RateLimiter::new(RateLimitPolicy::per_minute(10));
    let early = limiter.admit(6).unwrap();
    tokio::time::advance(Duration::from_secs(61)).await;
    let late = limiter.admit(10).unwrap();
    early.settle(0);
    assert_eq!(limiter.status().remaining, 0);
    late.settle(4);
    assert_eq!(limiter.status().remaining, 6);
}
