//! The original, whatever happens to its copy.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use meshless::mirror::{MirrorLayer, MirrorPolicy};
use tokio::time::{Instant, advance};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{Manner, Other, SECOND, assert_adds_up, assert_at_rest, echo, post, settle};
use crate::support::{Script, Upstream, call, start};

/// An original that takes a second for its request and its answer.
fn slow() -> Request<Script> {
    let half = SECOND / 2;
    Request::new(
        Script::default()
            .data("hello")
            .wait(half)
            .data("world")
            .wait(half),
    )
}

#[tokio::test(start_paused = true)]
async fn the_original_takes_as_long_as_without_a_mirror_whatever_that_does() {
    let manners = [
        Manner::Careless,
        Manner::Fails,
        Manner::HangsAfterReading,
        Manner::HangsAtOnce,
        Manner::NeverReady,
        Manner::PanicsInCall,
        Manner::PanicsInPoll,
        Manner::PanicsInReady,
        Manner::Reads,
    ];
    for manner in manners {
        let layer = MirrorLayer::new(MirrorPolicy::default(), Other::new(manner));
        let begin = Instant::now();
        let response = call(&mut layer.layer(echo()), slow()).await.unwrap();
        let answer = response.collect().await.unwrap().to_bytes();
        assert_eq!(
            (begin.elapsed(), answer),
            (SECOND, "helloworld".into()),
            "{manner:?}"
        );
        assert_adds_up(layer.stats());
        settle().await;
        advance(Duration::from_secs(15)).await;
        settle().await;
        let stats = layer.stats();
        assert_at_rest(stats);
        let expected = match manner {
            Manner::Careless | Manner::Reads => (1, 0, 0),
            Manner::HangsAfterReading | Manner::HangsAtOnce | Manner::NeverReady => (0, 0, 1),
            _ => (0, 1, 0),
        };
        let seen = (stats.mirrored, stats.failed, stats.dropped.timed_out);
        assert_eq!(seen, expected, "{manner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_cannot_even_be_cloned_harms_nobody() {
    let other = Other {
        clones: Some("never"),
        ..Other::default()
    };
    let layer = MirrorLayer::new(MirrorPolicy::default(), other);
    let response = call(&mut layer.layer(echo()), post("hello")).await.unwrap();
    assert_eq!(response.collect().await.unwrap().to_bytes(), "hello");
    settle().await;
    assert_eq!(layer.stats().failed, 1);
    assert_at_rest(layer.stats());
}

#[tokio::test(start_paused = true)]
async fn further_copies_are_dropped_until_one_is_over() {
    let policy = MirrorPolicy::default()
        .with_max_in_flight(2)
        .with_timeout(SECOND);
    let layer = MirrorLayer::new(policy, Other::new(Manner::HangsAfterReading));
    let mut service = layer.layer(echo());
    for _ in 0..5 {
        call(&mut service, post("hello")).await.unwrap();
    }
    settle().await;
    let stats = layer.stats();
    assert_eq!((stats.in_flight, stats.dropped.in_flight), (2, 3));
    assert_adds_up(stats);
    advance(SECOND).await;
    settle().await;
    call(&mut service, post("hello")).await.unwrap();
    assert_eq!(layer.stats().in_flight, 1);

    layer.reconfigure(MirrorPolicy::default().with_max_in_flight(0));
    call(&mut service, post("hello")).await.unwrap();
    assert_eq!(layer.stats().dropped.in_flight, 4);
    assert_adds_up(layer.stats());
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_falls_too_far_behind_loses_its_copy_at_once() {
    // Two frames of ten, 64 bytes each for themselves.
    let policy = MirrorPolicy::default().with_lag_limit(150);
    let other = Other::new(Manner::HangsAtOnce);
    let layer = MirrorLayer::new(policy, other.clone());
    let mut service = layer.layer(echo());
    let frames = |count| (0..count).fold(Script::default(), |body, _| body.data("0123456789"));
    let response = call(&mut service, Request::new(frames(2))).await.unwrap();
    assert_eq!(response.collect().await.unwrap().to_bytes().len(), 20);
    settle().await;
    assert_eq!((layer.stats().buffered, layer.stats().in_flight), (148, 1));

    let body = frames(3).wait(SECOND).data("end");
    let response = call(&mut service, Request::new(body)).await.unwrap();
    assert_eq!(response.collect().await.unwrap().to_bytes().len(), 33);
    settle().await;
    let stats = layer.stats();
    assert_eq!((stats.dropped.lagging, stats.in_flight), (1, 1));
    assert_eq!(stats.buffered, 148, "what the other one holds");
    assert_eq!(Arc::strong_count(&other.running), 4, "its call is over");
    assert_adds_up(stats);
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_keeps_up_gets_more_than_it_may_fall_behind() {
    let other = Other::default();
    let policy = MirrorPolicy::default().with_lag_limit(100);
    let layer = MirrorLayer::new(policy, other.clone());
    let wait = Duration::from_millis(1);
    let body = (0..100).fold(Script::default(), |body, _| {
        body.data("0123456789").wait(wait)
    });
    call(&mut layer.layer(echo()), Request::new(body))
        .await
        .unwrap();
    settle().await;
    assert_eq!(other.one().text().len(), 1_000);
    assert_at_rest(layer.stats());
}

#[tokio::test(start_paused = true)]
async fn a_body_larger_than_the_bound_goes_to_the_original_alone() {
    let other = Other::default();
    let policy = MirrorPolicy::default().with_lag_limit(1_000);
    let layer = MirrorLayer::new(policy, other.clone());
    let mut service = layer.layer(echo());
    let large = Bytes::from(vec![b'x'; 1_001]);
    let response = call(&mut service, post(large.clone())).await.unwrap();
    assert_eq!(response.collect().await.unwrap().to_bytes(), large);
    settle().await;
    assert_eq!(layer.stats().dropped.lagging, 1);
    assert!(other.take().is_empty());

    layer.reconfigure(MirrorPolicy::default().with_lag_limit(0));
    call(&mut service, post("")).await.unwrap();
    settle().await;
    assert_eq!(other.one().text(), b"", "one without a body is copied");
    assert_at_rest(layer.stats());
}

#[tokio::test(start_paused = true)]
async fn all_copies_together_hold_no_more_than_their_bound() {
    let policy = MirrorPolicy::default().with_buffer_limit(2_000);
    let layer = MirrorLayer::new(policy, Other::new(Manner::HangsAtOnce));
    let mut service = layer.layer(echo());
    for _ in 0..5 {
        call(&mut service, post(vec![b'x'; 900])).await.unwrap();
        assert!(layer.stats().buffered <= 2_000);
    }
    settle().await;
    let stats = layer.stats();
    assert_eq!((stats.in_flight, stats.dropped.buffer_full), (2, 3));
    assert_eq!(stats.buffered, 2 * 964);
    advance(Duration::from_secs(15)).await;
    settle().await;
    assert_at_rest(layer.stats());
}

#[tokio::test(start_paused = true)]
async fn the_timeout_starts_when_the_request_has_ended() {
    for (timeout, expected) in [(SECOND, 1), (Duration::ZERO, 0)] {
        let policy = MirrorPolicy::default().with_timeout(timeout);
        let layer = MirrorLayer::new(policy, Other::new(Manner::HangsAfterReading));
        let body = Script::default()
            .data("hello")
            .wait(5 * SECOND)
            .data("world");
        call(&mut layer.layer(echo()), Request::new(body))
            .await
            .unwrap();
        settle().await;
        assert_eq!(
            layer.stats().in_flight,
            1,
            "it streams as long as its original"
        );
        advance(Duration::from_millis(998)).await;
        settle().await;
        assert_eq!(layer.stats().in_flight, 1);
        advance(Duration::from_millis(2)).await;
        settle().await;
        assert_eq!(layer.stats().dropped.timed_out, expected);
        assert_adds_up(layer.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn copies_end_when_the_layer_and_its_services_are_gone() {
    let other = Other::new(Manner::HangsAfterReading);
    let layer = MirrorLayer::new(MirrorPolicy::default(), other.clone());
    let mut service = layer.layer(echo());
    call(&mut service, post("hello")).await.unwrap();
    drop(layer);
    settle().await;
    let running = || Arc::strong_count(&other.running);
    let before = running();
    drop(service.clone());
    settle().await;
    assert_eq!(running(), before, "a service keeps them going");
    drop(service);
    settle().await;
    assert_eq!(running(), 1, "only the test's own is left");
}

#[tokio::test(start_paused = true)]
async fn readiness_and_errors_are_the_inner_services() {
    #[derive(Debug, PartialEq)]
    struct Mine;

    let (mock, mut handle) = tower_test::mock::pair::<Request<_>, Response<Script>>();
    handle.allow(0);
    let layer = MirrorLayer::new(MirrorPolicy::default(), Other::new(Manner::NeverReady));
    let mut service = layer.layer(mock);
    assert!(call(&mut service, post("")).now_or_never().is_none());
    handle.allow(1);
    assert!(
        service.ready().now_or_never().is_some(),
        "though the mirror is not"
    );

    let failing = service_fn(|_: Request<_>| std::future::ready(Err::<Response<Script>, _>(Mine)));
    let mut service = layer.layer(failing);
    assert_eq!(call(&mut service, post("")).await.unwrap_err(), Mine);
}

#[test]
fn without_a_runtime_there_is_an_original_and_no_copy() {
    let layer = MirrorLayer::new(MirrorPolicy::default(), Other::default());
    let mut service = layer.layer(Upstream::new());
    let response = start(&mut service, post("hello")).now_or_never();
    assert_eq!(response.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(layer.stats().dropped.no_runtime, 1);
    assert_at_rest(layer.stats());
}

#[test]
fn a_runtime_that_shuts_down_ends_its_copies() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let layer = MirrorLayer::new(
        MirrorPolicy::default(),
        Other::new(Manner::HangsAfterReading),
    );
    let mut service = layer.layer(echo());
    runtime.block_on(async {
        call(&mut service, post("hello")).await.unwrap();
        settle().await;
    });
    assert_eq!(layer.stats().in_flight, 1);
    drop(runtime);
    assert_eq!(layer.stats().dropped.stopped, 1);
    assert_at_rest(layer.stats());
}

#[tokio::test(start_paused = true)]
async fn an_original_that_panics_ends_its_copy() {
    let other = Other::default();
    let layer = MirrorLayer::new(MirrorPolicy::default(), other.clone());
    let panicking = service_fn(|_: Request<_>| -> std::future::Ready<Result<(), ()>> {
        panic!("as planned");
    });
    let mut service = layer.layer(panicking);
    let calling = std::panic::AssertUnwindSafe(|| drop(service.call(post("hello"))));
    assert!(std::panic::catch_unwind(calling).is_err());
    settle().await;
    assert_eq!(layer.stats().dropped.abandoned, 1);
    assert_at_rest(layer.stats());
}
