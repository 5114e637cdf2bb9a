//! The concurrency limit as its users see it.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use meshless::concurrency_limit::{
    ConcurrencyLimitLayer, ConcurrencyLimitPolicy as Policy, Overflow,
};
use meshless::events::EventKind;
use meshless::{Deadline, Outcome, Rejection};
use tokio::time::{Instant, sleep};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;

use crate::support::{Events, Script, Upstream, call, send, start};

const SECOND: Duration = Duration::from_secs(1);

fn limit(max_in_flight: u32) -> ConcurrencyLimitLayer {
    ConcurrencyLimitLayer::new(Policy::new(max_in_flight))
}

fn queue(max_in_flight: u32, max_pending: u32) -> ConcurrencyLimitLayer {
    ConcurrencyLimitLayer::new(Policy::new(max_in_flight).with_max_pending(max_pending))
}

fn full(result: Result<impl Sized, Rejection>) -> Overflow {
    match result.map(drop) {
        Err(Rejection::Overflow(overflow)) => overflow,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_over_the_limit_is_turned_away_as_envoy_does() {
    let limit = limit(1);
    let upstream = Upstream::new();
    let mut service = limit.layer(upstream.clone());
    let first = send(&mut service).await;

    let second = send(&mut service).await;
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(second.headers()["x-envoy-overloaded"], "true");
    let rejection = Rejection::Overflow(Overflow::InFlight(1));
    assert_eq!(Rejection::of(&second), Some(&rejection));
    assert_eq!(rejection.flag(), "UO");
    assert_eq!(Outcome::of_response(&second), Some(Outcome::Rejected));
    let text = second.into_body().collect().await.unwrap().to_bytes();
    let reason =
        "upstream connect error or disconnect/reset before headers. reset reason: overflow";
    assert_eq!(text, reason);

    drop(first);
    assert_eq!(send(&mut service).await.status(), StatusCode::OK);
    assert_eq!(upstream.calls(), 2);
}

#[tokio::test]
async fn a_grpc_caller_is_told_in_its_own_way() {
    let limit = limit(1);
    let mut service = limit.layer(Upstream::new());
    let _permit = limit.try_acquire().unwrap();
    let mut request = Request::new(());
    let grpc = HeaderValue::from_static("application/grpc");
    request.headers_mut().insert(header::CONTENT_TYPE, grpc);
    let response = call(&mut service, request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["grpc-status"], "14");
    assert_eq!(response.headers()["x-envoy-overloaded"], "true");
}

#[tokio::test]
async fn a_permit_is_held_to_the_end_of_the_body_and_not_to_its_head() {
    let limit = limit(1);
    let trailers = HeaderMap::from_iter([(
        header::HeaderName::from_static("x-end"),
        HeaderValue::from_static("1"),
    )]);
    let script = Script::default().data("hello").trailers(trailers.clone());
    let upstream = Upstream::new().then_response(Response::new(script));
    let response = send(&mut limit.layer(upstream)).await;
    assert_eq!(response.body().size_hint().exact(), Some(5));
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(limit.in_flight(), 1);
    let last = body.frame().await.unwrap().unwrap();
    assert_eq!(last.into_trailers().ok(), Some(trailers));
    assert!(body.is_end_stream());
    assert_eq!(limit.in_flight(), 0, "although nobody polled for the end");
}

#[tokio::test]
async fn a_permit_comes_back_whatever_happens() {
    let limit = limit(1);

    // Dropped before it is polled.
    drop(start(&mut limit.layer(Upstream::new()), Request::new(())));
    assert_eq!(limit.in_flight(), 0);

    // Dropped while pending.
    let hangs = service_fn(|_: Request<()>| std::future::pending::<Result<Response<Script>, ()>>());
    let mut pending = Box::pin(start(&mut limit.layer(hangs), Request::new(())));
    assert!(pending.as_mut().now_or_never().is_none());
    assert_eq!(limit.in_flight(), 1);
    drop(pending);
    assert_eq!(limit.in_flight(), 0);

    // The body is dropped, or breaks off.
    let script = || Script::default().data("a").fail();
    let upstream = Upstream::new()
        .then_response(Response::new(script()))
        .then_response(Response::new(script()));
    let mut service = limit.layer(upstream);
    drop(send(&mut service).await);
    assert_eq!(limit.in_flight(), 0);
    let mut body = send(&mut service).await.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    assert_eq!(limit.in_flight(), 0);

    // A panic, in `call` and in the future.
    let panics = service_fn(|request: Request<bool>| {
        assert!(!request.into_body(), "in call, as planned");
        async { panic!("in poll, as planned") as Result<Response<Script>, io::Error> }
    });
    for in_call in [true, false] {
        let mut service = limit.layer(panics);
        let task = tokio::spawn(async move { call(&mut service, Request::new(in_call)).await });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(limit.in_flight(), 0);
    }
}

#[tokio::test]
async fn an_error_passes_with_its_type_and_frees_the_permit() {
    let limit = limit(1);
    let fails = service_fn(|_: Request<()>| async {
        Err::<Response<Script>, _>(io::Error::other("as planned"))
    });
    let error: io::Error = call(&mut limit.layer(fails), Request::new(()))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "as planned");
    assert_eq!(limit.in_flight(), 0);
}

#[tokio::test]
async fn clones_and_services_share_one_limit() {
    let limit = limit(1);
    let mut one = limit.layer(Upstream::new());
    let mut two = limit.clone().layer(Upstream::new()).clone();
    let _first = send(&mut one).await;
    let second = send(&mut two).await;
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn zero_and_off_limit_nothing() {
    for policy in [Policy::new(0), Policy::off(), Policy::default()] {
        let limit = ConcurrencyLimitLayer::new(policy);
        let permits: Vec<_> = (0..1_000).map(|_| limit.try_acquire().unwrap()).collect();
        assert_eq!(limit.in_flight(), 1_000);
        drop(permits);
        assert_eq!(limit.in_flight(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served() {
    let limit = queue(1, 10);
    let order = Arc::new(Mutex::new(Vec::new()));
    let first = limit.try_acquire().unwrap();
    let waiting: Vec<_> = (0..5)
        .map(|n| {
            let (limit, order) = (limit.clone(), Arc::clone(&order));
            async move {
                let _permit = limit.acquire().await.unwrap();
                order.lock().unwrap().push(n);
                sleep(SECOND).await;
            }
        })
        .collect();
    let waiting = tokio::spawn(join_all(waiting));
    sleep(SECOND).await;
    assert_eq!((limit.in_flight(), limit.pending()), (1, 5));
    drop(first);
    // The permit is not free: it is the first one's who waits, though he has not been polled yet.
    assert_eq!((limit.in_flight(), limit.pending()), (1, 4));
    assert_eq!(full(limit.try_acquire()), Overflow::InFlight(1));
    waiting.await.unwrap();
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!((limit.in_flight(), limit.pending()), (0, 0));
}

#[tokio::test]
async fn the_queue_is_bounded_and_says_so() {
    let limit = queue(1, 1);
    let _running = limit.try_acquire().unwrap();
    let mut waiting = Box::pin(limit.acquire());
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(full(limit.acquire().await), Overflow::Pending(1));
    assert_eq!(limit.pending(), 1);
    drop(waiting);
    assert_eq!(limit.pending(), 0);
}

#[tokio::test]
async fn a_caller_that_goes_away_while_queued_leaves_no_trace() {
    let limit = queue(1, 10);
    let upstream = Upstream::new();
    let mut service = limit.layer(upstream.clone());
    let first = send(&mut service).await;

    let unpolled = start(&mut service, Request::new(()));
    let mut polled = Box::pin(start(&mut service, Request::new(())));
    assert!(polled.as_mut().now_or_never().is_none());
    let mut last = Box::pin(start(&mut service, Request::new(())));
    assert!(last.as_mut().now_or_never().is_none());
    assert_eq!(limit.pending(), 3);

    drop(unpolled);
    assert_eq!(limit.pending(), 2);
    // The permit comes to the second one, who goes away without taking note: the third has it.
    drop(first);
    assert_eq!((limit.in_flight(), limit.pending()), (1, 1));
    drop(polled);
    assert_eq!((limit.in_flight(), limit.pending()), (1, 0));
    assert_eq!(last.await.unwrap().status(), StatusCode::OK);
    assert_eq!(upstream.calls(), 2);
    assert_eq!(limit.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_its_time_and_not_before() {
    let events = Events::default();
    let policy = Policy::new(1).with_max_pending(1).with_max_wait(SECOND);
    let limit = ConcurrencyLimitLayer::with_observer(policy, events.observer());
    let _running = limit.try_acquire().unwrap();
    let before = Instant::now();
    let rejection = limit.acquire().await.unwrap_err();
    assert_eq!(before.elapsed(), SECOND);
    assert_eq!(rejection, Rejection::Overflow(Overflow::Wait(SECOND)));
    assert_eq!(limit.pending(), 0);
    assert_eq!(events.all(), [EventKind::Rejected(rejection)]);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_as_the_wait_ends_is_taken() {
    let policy = Policy::new(1).with_max_pending(1).with_max_wait(SECOND);
    let limit = ConcurrencyLimitLayer::new(policy);
    let running = limit.try_acquire().unwrap();
    let mut waiting = Box::pin(limit.acquire());
    assert!(waiting.as_mut().now_or_never().is_none());
    tokio::time::advance(SECOND).await;
    drop(running);
    assert!(waiting.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_its_deadline() {
    let limit = queue(1, 1);
    let _running = limit.try_acquire().unwrap();
    let soon = Deadline::after(SECOND).unwrap();
    let before = Instant::now();
    let result = soon.scoped(limit.acquire()).await;
    assert_eq!(full(result), Overflow::Wait(SECOND));
    assert_eq!(before.elapsed(), SECOND);
    // It has passed now, so there is nothing to wait for.
    let result = soon.scoped(limit.acquire()).now_or_never().unwrap();
    assert_eq!(full(result), Overflow::Wait(Duration::ZERO));
    assert_eq!(limit.pending(), 0);
}

#[tokio::test]
async fn a_higher_limit_lets_in_those_who_wait_and_a_lower_one_lets_the_others_finish() {
    let limit = queue(1, 10);
    let first = limit.try_acquire().unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(limit.acquire())).collect();
    for wait in &mut waiting {
        assert!(wait.as_mut().now_or_never().is_none());
    }
    limit.reconfigure(Policy::new(3).with_max_pending(10));
    assert_eq!((limit.in_flight(), limit.pending()), (3, 1));
    let last = waiting.pop().unwrap();
    let two: Vec<_> = join_all(waiting).await;

    limit.reconfigure(Policy::new(1).with_max_pending(10));
    drop(first);
    assert_eq!((limit.in_flight(), limit.pending()), (2, 1));
    drop(two);
    assert_eq!((limit.in_flight(), limit.pending()), (1, 0));
    assert!(last.await.is_ok());

    let _running = limit.try_acquire().unwrap();
    let unlimited = Box::pin(limit.acquire());
    limit.reconfigure(Policy::off());
    assert!(unlimited.await.is_ok());
}

#[tokio::test]
async fn an_inner_service_that_is_not_ready_takes_no_permit() {
    let limit = limit(1);
    let (mut service, mut handle) =
        mock::spawn_with(|inner: mock::Mock<Request<()>, Response<Script>>| limit.layer(inner));
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    assert_eq!(limit.in_flight(), 0);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    assert_eq!(limit.in_flight(), 0, "readiness reserves nothing");
}

/// Fails the test if it is called without having been polled ready.
#[derive(Debug, Default)]
struct Strict {
    ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl Service<Request<()>> for Strict {
    type Response = Response<Script>;
    type Error = io::Error;
    type Future = std::future::Ready<Result<Response<Script>, io::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<()>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.ready),
            "called without being ready"
        );
        std::future::ready(Ok(Response::default()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_queued_call_uses_the_service_that_was_ready_for_it() {
    let limit = queue(1, 10);
    let held = limit.try_acquire().unwrap();
    let strict = limit.layer(Strict::default());
    let limited = limit.layer(ConcurrencyLimit::new(Strict::default(), 2));
    let buffered = limit.layer(Buffer::new(Strict::default(), 2));
    let mut calls = Vec::new();
    for _ in 0..2 {
        calls.push(
            strict
                .clone()
                .oneshot(Request::new(()))
                .map(|r| r.is_ok())
                .boxed(),
        );
        calls.push(
            limited
                .clone()
                .oneshot(Request::new(()))
                .map(|r| r.is_ok())
                .boxed(),
        );
        calls.push(
            buffered
                .clone()
                .oneshot(Request::new(()))
                .map(|r| r.is_ok())
                .boxed(),
        );
    }
    for call in &mut calls {
        assert!(call.now_or_never().is_none());
    }
    assert_eq!(limit.pending(), 6);
    drop(held);
    assert_eq!(join_all(calls).await, [true; 6]);
    assert_eq!((limit.in_flight(), limit.pending()), (0, 0));
}

#[tokio::test]
async fn an_upgrade_passes_and_gives_its_permit_back() {
    let limit = limit(1);
    let upstream = Upstream::new().then(StatusCode::SWITCHING_PROTOCOLS);
    let response = send(&mut limit.layer(upstream)).await;
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    drop(response);
    assert_eq!(limit.in_flight(), 0);
}

#[tokio::test]
async fn any_other_work_runs_under_the_same_limit() {
    let limit = limit(1);
    let nested = limit.run(|| limit.run(|| async { "never" })).await.unwrap();
    assert_eq!(full(nested), Overflow::InFlight(1));
    let failed = limit.run(|| async { Err::<(), _>("its own error") }).await;
    assert_eq!(failed, Ok(Err("its own error")));
    assert_eq!(limit.in_flight(), 0);

    let panics = limit.clone();
    let task = tokio::spawn(async move { panics.run(|| async { panic!("as planned") }).await });
    assert!(task.await.is_err());
    assert_eq!(limit.in_flight(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_contention_the_limit_holds_and_no_wake_up_is_lost() {
    let limit = queue(3, 10_000);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let (limit, running, most) = (limit.clone(), Arc::clone(&running), Arc::clone(&most));
            tokio::spawn(async move {
                for round in 0..20 {
                    if (n + round) % 7 == 0 {
                        // Asks, and goes away at once.
                        let _ = limit.acquire().now_or_never();
                        continue;
                    }
                    let _permit = limit.acquire().await.unwrap();
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!((limit.in_flight(), limit.pending()), (0, 0));
}

#[tokio::test]
async fn a_wait_wakes_the_task_that_polled_it_last() {
    let limit = queue(1, 1);
    let running = limit.try_acquire().unwrap();
    let mut waiting = Box::pin(limit.acquire());
    let mut stale = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut stale).is_pending());
    let task = async {
        tokio::task::yield_now().await;
        drop(running);
    };
    let (permit, ()) = tokio::join!(waiting, task);
    assert!(permit.is_ok());
}

#[tokio::test]
async fn axum_takes_it_everywhere_and_makes_no_second_limit() {
    let (all, route, method) = (limit(3), limit(2), limit(1));
    let app = axum::Router::new()
        .route(
            "/method",
            axum::routing::get(|| async {}).layer(method.clone()),
        )
        .route("/route", axum::routing::get(|| async {}))
        .route_layer(route.clone())
        .layer(all.clone());
    let get = |path: &str| {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        // A clone of the router for each request, as for each connection.
        app.clone().oneshot(request)
    };
    let first = get("/method").await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let in_flight = || [&all, &route, &method].map(ConcurrencyLimitLayer::in_flight);
    assert_eq!(in_flight(), [1, 1, 1]);
    let full = get("/method").await.unwrap();
    let rejection = Rejection::Overflow(Overflow::InFlight(1));
    assert_eq!(Rejection::of(&full), Some(&rejection));
    // To the layers around, that answer is a response like any.
    assert_eq!(in_flight(), [2, 2, 1]);
    drop(full);
    let second = get("/route").await.unwrap();
    assert_eq!(second.status(), StatusCode::OK);
    drop((first, second));
    assert_eq!(in_flight(), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn shards_let_in_exactly_as_many_and_nobody_waits() {
    let policy = Policy::new(3).with_max_pending(5);
    let limit = ConcurrencyLimitLayer::new(policy).with_shards(2);
    let upstream = Upstream::new();
    let mut service = limit.layer(upstream.clone());
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(send(&mut service).await);
    }
    assert_eq!((limit.in_flight(), limit.pending()), (3, 0));
    assert_eq!(full(limit.try_acquire()), Overflow::InFlight(3));
    let refused = send(&mut service).await;
    let overflow = Rejection::Overflow(Overflow::InFlight(3));
    assert_eq!(Rejection::of(&refused), Some(&overflow));
    assert_eq!(upstream.calls(), 3);

    // A thread with none left in its own shard finds the one that is free in the other.
    drop(held.remove(0));
    held.push(send(&mut service).await);
    assert_eq!(limit.in_flight(), 3);

    limit.reconfigure(Policy::new(5));
    let more: Vec<_> = (0..2).map(|_| limit.try_acquire().unwrap()).collect();
    assert_eq!(full(limit.try_acquire()), Overflow::InFlight(5));
    drop((held, more));
    assert_eq!(limit.in_flight(), 0);
}
