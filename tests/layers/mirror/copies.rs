//! What a copy is, and when there is one.

use std::sync::Arc;

use http::{HeaderName, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use meshless::mirror::{Mirror, MirrorLayer, MirrorPolicy};
use meshless::retry::{Backoff, RetryLayer, RetryOn, RetryPolicy};
use meshless::telemetry::{TraceClientLayer, TraceContext, TracePolicy};
use meshless::{Deadline, Percent};
use tower::{Layer, Service, service_fn};

use super::{Manner, Other, SECOND, assert_at_rest, echo, post, settle};
use crate::support::{Upstream, call};

#[tokio::test(start_paused = true)]
async fn the_mirror_gets_what_the_upstream_gets_and_the_caller_the_upstreams_answer() {
    let other = Other::default();
    let layer = MirrorLayer::new(MirrorPolicy::default(), other.clone());
    let mut request = post("hello");
    let team = HeaderName::from_static("x-team");
    request
        .headers_mut()
        .insert(team.clone(), "green".parse().unwrap());
    let response = call(&mut layer.layer(echo()), request).await.unwrap();
    assert_eq!(response.collect().await.unwrap().to_bytes(), "hello");
    settle().await;

    let seen = other.one();
    assert_eq!(seen.head.method, "POST");
    assert_eq!(seen.head.uri, "http://waste:8000/analyze");
    assert_eq!(seen.head.headers[team], "green");
    assert_eq!(seen.head.headers["x-meshless-mirror"], "true");
    assert_eq!(seen.text(), b"hello");
    let stats = layer.stats();
    assert_eq!((stats.chosen, stats.mirrored), (1, 1));
    assert_at_rest(stats);
}

#[tokio::test(start_paused = true)]
async fn seeded_dice_choose_about_the_share_and_the_same_requests_again() {
    let policy = MirrorPolicy::new(Percent::new(10));
    let mut runs = Vec::new();
    for _ in 0..2 {
        let layer = MirrorLayer::with_seed(policy.clone(), Other::new(Manner::Careless), 42);
        let mut service = layer.layer(Upstream::new());
        let mut chosen = Vec::new();
        for _ in 0..1_000 {
            let before = layer.stats().chosen;
            call(&mut service, post("")).await.unwrap();
            chosen.push(layer.stats().chosen > before);
        }
        runs.push(chosen);
    }
    assert_eq!(runs[0], runs[1]);
    let chosen = runs[0].iter().filter(|chosen| **chosen).count();
    assert!((70..130).contains(&chosen), "{chosen} of 1000");
}

#[tokio::test(start_paused = true)]
async fn tunnels_upgrades_and_copies_are_not_copied() {
    let other = Other::default();
    let layer = MirrorLayer::new(MirrorPolicy::default(), other.clone());
    let upstream = Upstream::new();
    let mut service = layer.layer(upstream.clone());
    for request in [
        Request::connect("waste:8000"),
        Request::get("/")
            .header("connection", "upgrade")
            .header("upgrade", "websocket"),
        Request::get("/").header("x-meshless-mirror", "true"),
    ] {
        let request = request.body(Full::<bytes::Bytes>::default()).unwrap();
        call(&mut service, request).await.unwrap();
    }
    settle().await;
    assert_eq!((upstream.calls(), other.take().len()), (3, 0));
    assert_eq!(layer.stats().chosen, 0);
}

#[tokio::test(start_paused = true)]
async fn two_that_mirror_to_each_other_do_not_do_so_for_ever() {
    let last = Other::default();
    let inner = MirrorLayer::new(MirrorPolicy::default(), last.clone());
    let upstream = Upstream::new();
    let outer = MirrorLayer::new(MirrorPolicy::default(), inner.layer(upstream.clone()));
    call(&mut outer.layer(echo()), post("hello")).await.unwrap();
    settle().await;
    assert_eq!((upstream.calls(), last.take().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_replaced_for_all_services_and_copies_in_flight_keep_theirs() {
    let other = Other::new(Manner::HangsAfterReading);
    let layer = MirrorLayer::new(MirrorPolicy::default().with_timeout(SECOND), other.clone());
    let mut service = layer.layer(echo());
    call(&mut service, post("before")).await.unwrap();
    settle().await;
    layer.clone().reconfigure(MirrorPolicy::off());
    call(&mut service, post("after")).await.unwrap();
    settle().await;
    assert_eq!(other.one().text(), b"before");
    assert_eq!((layer.stats().chosen, layer.stats().in_flight), (1, 1));
    tokio::time::advance(SECOND).await;
    settle().await;
    assert_eq!(layer.stats().dropped.timed_out, 1);
    layer.reconfigure(MirrorPolicy::default());
    call(&mut service, post("again")).await.unwrap();
    settle().await;
    assert_eq!(other.one().text(), b"again");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_tried_again_is_copied_once() {
    let other = Other::default();
    let retry = RetryPolicy::new(3)
        .with_retry_on(RetryOn::parse("5xx").unwrap())
        .with_backoff(Backoff::constant(SECOND));
    let upstream = Upstream::new()
        .then(StatusCode::SERVICE_UNAVAILABLE)
        .then(StatusCode::SERVICE_UNAVAILABLE);
    let layer = MirrorLayer::new(MirrorPolicy::default(), other.clone());
    let mut service = layer.layer(RetryLayer::new(retry).layer(upstream.clone()));
    let request = Request::get("/")
        .body(Full::<bytes::Bytes>::default())
        .unwrap();
    let response = call(&mut service, request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    settle().await;
    assert_eq!((upstream.calls(), other.take().len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_copy_stays_in_the_trace_with_a_span_that_is_not_recorded() {
    for (policy, sampled) in [
        (MirrorPolicy::default(), false),
        (MirrorPolicy::default().with_trace_sampled(true), true),
    ] {
        let other = Other::default();
        let layer = MirrorLayer::new(policy, other.clone());
        let policy = TracePolicy::default().with_request_id_in_request(true);
        let mut service = TraceClientLayer::new(policy).layer(layer.layer(Upstream::new()));
        let trace = TraceContext::begin(true);
        let request = post("");
        trace.clone().scope(|| service.call(request)).await.unwrap();
        settle().await;
        let copied = TraceContext::from_headers(&other.one().head.headers);
        let copied = copied.unwrap().unwrap();
        assert_eq!(copied.trace_id(), trace.trace_id());
        assert_ne!(copied.span_id(), trace.span_id());
        assert_eq!(copied.is_sampled(), sampled);
        assert_eq!(copied.request_id(), trace.request_id());
    }
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_is_not_the_copys() {
    let deadline = Arc::new(std::sync::Mutex::new(None));
    let seen = Arc::clone(&deadline);
    let other = service_fn(move |_: Request<meshless::mirror::CopyBody>| {
        *seen.lock().unwrap() = Some(Deadline::current());
        std::future::ready(Ok::<_, std::io::Error>(http::Response::new(Full::<
            bytes::Bytes,
        >::default(
        ))))
    });
    let layer = MirrorLayer::new(MirrorPolicy::default(), other);
    let mut service = layer.layer(Upstream::new());
    let caller = Deadline::after(SECOND).unwrap();
    caller.scoped(service.call(post(""))).await.unwrap();
    settle().await;
    assert_eq!(*deadline.lock().unwrap(), Some(None));
}

#[tokio::test(start_paused = true)]
async fn clones_and_services_share_choices_limits_and_counts() {
    let policy = MirrorPolicy::default().with_max_in_flight(1);
    let layer = MirrorLayer::new(policy, Other::new(Manner::HangsAtOnce));
    let mut one: Mirror<_, _> = layer.layer(Upstream::new());
    let mut other = layer.clone().layer(Upstream::new());
    call(&mut one, post("")).await.unwrap();
    call(&mut other, post("")).await.unwrap();
    call(&mut one.clone(), post("")).await.unwrap();
    settle().await;
    let stats = layer.stats();
    assert_eq!((stats.chosen, stats.in_flight), (3, 1));
    assert_eq!(stats.dropped.in_flight, 2);
}
