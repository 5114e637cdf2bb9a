//! The circuit breaker as its users see it.

use std::convert::Infallible;
use std::future::{Ready, pending, ready};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use meshless::circuit_breaker::OpenReason;
use meshless::circuit_breaker::{
    CircuitBreakerLayer, CircuitBreakerPolicy, CircuitState, FailureOn, Probes, RunError, Verdict,
    Window,
};
use meshless::events::EventKind;
use meshless::outcome::{ErrorClassifier, GrpcStatus};
use meshless::{Failure, Outcome, Percent, Rejection};
use tokio::runtime::Handle;
use tokio::time::advance;
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use crate::support::{Events, Script, Upstream, call, send, start};

const BAD: Outcome = Outcome::Status(StatusCode::INTERNAL_SERVER_ERROR);
const OPEN_FOR: Duration = Duration::from_secs(30);

/// Returns the events since the last time, without rejections.
fn steps(events: &Events) -> Vec<EventKind> {
    let mut events = events.take();
    events.retain(|event| !matches!(event, EventKind::Rejected(_)));
    events
}

/// Opens at the first failure, and closes without a ramp.
fn touchy() -> CircuitBreakerPolicy {
    CircuitBreakerPolicy::default()
        .with_consecutive_failures(1)
        .with_ramp(Duration::ZERO)
}

fn why(layer: &CircuitBreakerLayer) -> Option<OpenReason> {
    match layer.admit() {
        Err(Rejection::CircuitOpen { reason, .. }) => Some(reason),
        _ => None,
    }
}

fn fail(layer: &CircuitBreakerLayer) {
    layer.admit().unwrap().settle(BAD);
}

fn succeed(layer: &CircuitBreakerLayer) {
    layer.admit().unwrap().settle(Outcome::SUCCESS);
}

#[tokio::test(start_paused = true)]
async fn five_failures_open_it_for_thirty_seconds_and_it_recovers_gradually() {
    let layer = CircuitBreakerLayer::new(CircuitBreakerPolicy::default()).with_seed(1);
    let mut upstream = Upstream::new();
    for _ in 0..5 {
        upstream = upstream.then(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let mut service = layer.layer(upstream.clone());

    for _ in 0..5 {
        assert_eq!(send(&mut service).await.status(), 500);
    }
    let refused = send(&mut service).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "30");
    let expected = Rejection::CircuitOpen {
        retry_after: Some(OPEN_FOR),
        reason: OpenReason::ConsecutiveFailures(5),
    };
    assert_eq!(Rejection::of(&refused), Some(&expected));
    let text = refused.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(text, "no healthy upstream");

    let nanosecond = Duration::from_nanos(1);
    advance(OPEN_FOR.saturating_sub(nanosecond)).await;
    assert!(Rejection::of(&send(&mut service).await).is_some());
    assert_eq!(upstream.calls(), 5);
    advance(nanosecond).await;
    assert!(Rejection::of(&send(&mut service).await).is_none());

    let mut shares = Vec::new();
    for _ in 0..10 {
        let before = upstream.calls();
        for _ in 0..1_000 {
            send(&mut service).await;
        }
        shares.push((upstream.calls() - before) / 10);
        advance(Duration::from_secs(1)).await;
    }
    for (second, share) in shares.into_iter().enumerate() {
        let expected = (second * 10).max(10);
        assert!(share.abs_diff(expected) < 6, "{share} % after {second} s");
    }
    assert_eq!(layer.state(), CircuitState::Closed);
    assert!(Rejection::of(&send(&mut service).await).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_grpc_caller_gets_a_grpc_answer() {
    let layer = CircuitBreakerLayer::default();
    layer.force_open();
    let mut service = layer.layer(Upstream::new());
    let mut request = Request::new(());
    let grpc = HeaderValue::from_static("application/grpc");
    request.headers_mut().insert(header::CONTENT_TYPE, grpc);
    let response = call(&mut service, request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["grpc-status"], "14");
    assert_eq!(response.headers()["grpc-message"], "no healthy upstream");
    assert!(!response.headers().contains_key(header::RETRY_AFTER));
}

#[tokio::test(start_paused = true)]
async fn a_service_made_for_each_connection_shares_the_state() {
    let layer = CircuitBreakerLayer::new(touchy().with_consecutive_failures(3));
    for _ in 0..3 {
        let upstream = Upstream::new().then(StatusCode::BAD_GATEWAY);
        send(&mut layer.clone().layer(upstream)).await;
    }
    let upstream = Upstream::new();
    let mut service = layer.layer(upstream.clone());
    assert!(Rejection::of(&send(&mut service.clone()).await).is_some());
    assert!(Rejection::of(&send(&mut service).await).is_some());
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_goes_straight_into_an_axum_router() {
    let fails = || axum::routing::get(|| async { StatusCode::INTERNAL_SERVER_ERROR });
    let layer = CircuitBreakerLayer::new(touchy());
    let app = axum::Router::<()>::new()
        .route("/all", fails())
        .layer(layer.clone())
        .route("/one", fails().layer(CircuitBreakerLayer::new(touchy())));
    for (path, expected) in [("/all", 500), ("/all", 503), ("/one", 500), ("/one", 503)] {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), expected, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_from_before_the_outage_changes_nothing_after_it() {
    let layer = CircuitBreakerLayer::new(touchy());
    let slow = [0; 4].map(|_| layer.admit().unwrap());
    let [good, bad, late_good, late_bad] = slow;
    fail(&layer);

    good.settle(Outcome::SUCCESS);
    bad.settle(BAD);
    let open = CircuitState::Open {
        remaining: OPEN_FOR,
        reason: OpenReason::ConsecutiveFailures(1),
    };
    assert_eq!(layer.state(), open);

    advance(OPEN_FOR).await;
    let probe = layer.admit().unwrap();
    late_good.settle(Outcome::SUCCESS);
    assert_eq!(layer.state(), CircuitState::HalfOpen);
    assert_eq!(why(&layer), Some(OpenReason::Probing));
    late_bad.settle(BAD);
    assert_eq!(layer.state(), CircuitState::HalfOpen);
    probe.settle(Outcome::SUCCESS);
    assert_eq!(layer.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_probe_frees_its_place_and_proves_nothing() {
    let layer = CircuitBreakerLayer::new(touchy());
    let mut service = layer.layer(Upstream::new());
    fail(&layer);
    advance(OPEN_FOR).await;

    // Dropped before it is polled.
    drop(start(&mut service, Request::new(())));
    assert_eq!(layer.state(), CircuitState::HalfOpen);

    // Dropped while it is pending.
    let mut hangs = layer.layer(service_fn(|_: Request<()>| {
        pending::<Result<Response<Script>, Infallible>>()
    }));
    {
        let mut pending = std::pin::pin!(start(&mut hangs, Request::new(())));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(pending.as_mut().poll(&mut cx).is_pending());
        assert!(Rejection::of(&send(&mut service).await).is_some());
    }
    assert!(Rejection::of(&send(&mut service).await).is_none());
    assert_eq!(layer.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_loses_its_place_to_another() {
    let lease = Duration::from_secs(7);
    let policy = touchy().with_probes(Probes::new(1).with_lease(lease));
    let layer = CircuitBreakerLayer::new(policy);
    fail(&layer);
    advance(OPEN_FOR).await;
    let hangs = layer.admit().unwrap();
    advance(lease.saturating_sub(Duration::from_nanos(1))).await;
    assert_eq!(why(&layer), Some(OpenReason::Probing));
    advance(Duration::from_nanos(1)).await;
    let second = layer.admit().unwrap();
    // The place it no longer has is not freed twice.
    drop(hangs);
    assert_eq!(why(&layer), Some(OpenReason::Probing));
    second.settle(Outcome::SUCCESS);
    assert_eq!(layer.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_refused_further_in_neither_closes_nor_wedges_it() {
    let outer = CircuitBreakerLayer::new(touchy());
    let inner = CircuitBreakerLayer::new(touchy().with_open_for(Duration::from_secs(60)));
    let upstream = Upstream::new().then(StatusCode::BAD_GATEWAY);
    let mut service = outer.layer(inner.layer(upstream));
    send(&mut service).await;
    advance(OPEN_FOR).await;
    for _ in 0..10 {
        assert!(Rejection::of(&send(&mut service).await).is_some());
        assert_eq!(outer.state(), CircuitState::HalfOpen);
    }
    advance(OPEN_FOR).await;
    assert!(Rejection::of(&send(&mut service).await).is_none());
    assert_eq!(outer.state(), CircuitState::Closed);
    assert_eq!(inner.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_does_not_close_what_slowness_opened() {
    let second = Duration::from_secs(1);
    let policy = touchy()
        .with_slow_calls(Percent::new(50), second)
        .with_failure_rate(Percent::new(50))
        .with_minimum_calls(2);
    let layer = CircuitBreakerLayer::new(policy);
    let settle = |latency| {
        let ticket = layer.admit().unwrap();
        ticket.settle_after(Outcome::SUCCESS, latency);
    };
    settle(second);
    settle(second + Duration::from_nanos(1));
    let slow = OpenReason::SlowRate { calls: 2, slow: 1 };
    assert_eq!(why(&layer), Some(slow));

    let mut open_for = OPEN_FOR;
    for _ in 0..2 {
        advance(open_for + open_for / 10).await;
        settle(2 * second);
        let (calls, failed, slow) = (1, 0, 1);
        let bad = OpenReason::ProbesFailed {
            calls,
            failed,
            slow,
        };
        assert_eq!(why(&layer), Some(bad));
        open_for *= 2;
    }
    advance(open_for + open_for / 10).await;
    settle(second);
    assert_eq!(layer.state(), CircuitState::Closed);

    // What failures opened, a slow success does close.
    fail(&layer);
    advance(OPEN_FOR).await;
    settle(2 * second);
    assert_eq!(layer.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_long_body_is_not_a_slow_call() {
    let second = Duration::from_secs(1);
    let policy = touchy()
        .with_slow_calls(Percent::new(1), second)
        .with_minimum_calls(1);
    let layer = CircuitBreakerLayer::new(policy);
    let mut stream = Response::new(Script::default().data("a").wait(5 * second).data("b"));
    let grpc = HeaderValue::from_static("application/grpc");
    let trailers = HeaderMap::from_iter([(
        "grpc-status".parse().unwrap(),
        HeaderValue::from_static("0"),
    )]);
    let body = Script::default().wait(5 * second).trailers(trailers);
    let mut call = Response::new(body);
    call.headers_mut().insert(header::CONTENT_TYPE, grpc);
    let upstream = Upstream::new()
        .then_response(std::mem::take(&mut stream))
        .then_response(call);
    let mut service = layer.layer(upstream);
    for _ in 0..2 {
        let response = send(&mut service).await;
        response.into_body().collect().await.unwrap();
        assert_eq!(layer.state(), CircuitState::Closed);
    }
    assert_eq!((layer.counts().calls(), layer.counts().slow()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_500_whose_body_nobody_reads_counts() {
    let layer = CircuitBreakerLayer::new(touchy());
    let mut response = Response::new(Script::default().hang());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let mut service = layer.layer(Upstream::new().then_response(response));
    let unread = send(&mut service).await;
    assert!(matches!(layer.state(), CircuitState::Open { .. }));
    drop(unread);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_a_failure_more() {
    let layer = CircuitBreakerLayer::new(touchy());
    let upstream = Upstream::new().then_response(Response::new(Script::default().fail()));
    let response = send(&mut layer.layer(upstream)).await;
    assert_eq!(layer.state(), CircuitState::Closed);
    assert!(response.into_body().collect().await.is_err());
    assert!(matches!(layer.state(), CircuitState::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_after_the_state_moved_on_changes_nothing() {
    let layer = CircuitBreakerLayer::new(touchy());
    let upstream = Upstream::new().then_response(Response::new(Script::default().fail()));
    let response = send(&mut layer.layer(upstream)).await;
    layer.reset();
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(layer.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_stream_goes_on_decides_at_its_head() {
    let layer = CircuitBreakerLayer::new(touchy());
    fail(&layer);
    advance(OPEN_FOR).await;
    let upstream = Upstream::new().then_response(Response::new(Script::default().hang()));
    let stream = send(&mut layer.layer(upstream)).await;
    assert_eq!(layer.state(), CircuitState::Closed);
    drop(stream);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_inner_service_is_its_failure() {
    let layer = CircuitBreakerLayer::new(touchy());
    let mut service = layer.layer(service_fn(|_: Request<()>| async {
        panic!("as planned") as Result<Response<Script>, Infallible>
    }));
    let task = tokio::spawn(async move { send(&mut service).await });
    assert!(task.await.unwrap_err().is_panic());
    assert!(matches!(layer.state(), CircuitState::Open { .. }));

    layer.reset();
    let run = layer.run(|| async { panic!("as planned") as Result<(), Infallible> });
    assert!(tokio::spawn(run).await.unwrap_err().is_panic());
    assert!(matches!(layer.state(), CircuitState::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn the_error_type_passes_through_and_is_recognised() {
    let own = ErrorClassifier::new(|error: &io::Error| {
        (error.kind() == io::ErrorKind::OutOfMemory).then_some(Failure::Timeout)
    });
    let policy = touchy()
        .with_error_classifier(own)
        .with_failure_on(FailureOn::NOTHING.with_timeouts(true));
    let layer = CircuitBreakerLayer::new(policy);
    let fails = |kind: io::ErrorKind| {
        layer.layer(service_fn(move |_: Request<()>| {
            ready(Err::<Response<Script>, _>(io::Error::from(kind)))
        }))
    };
    let mut refused = fails(io::ErrorKind::ConnectionRefused);
    let error = call(&mut refused, Request::new(())).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(layer.state(), CircuitState::Closed);

    let mut memory = fails(io::ErrorKind::OutOfMemory);
    let error = call(&mut memory, Request::new(())).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
    assert!(matches!(layer.state(), CircuitState::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_counts_is_a_set_of_facts() {
    let status = |code| Outcome::Status(StatusCode::from_u16(code).unwrap());
    let grpc = |code| Outcome::Grpc(GrpcStatus::new(code));
    let default = FailureOn::default();
    let gateway = FailureOn::NOTHING.with_gateway_errors(true);
    let strict = FailureOn::default()
        .with_abandoned(true)
        .with_rejections(true)
        .with_too_many_requests(true);
    let own = FailureOn::default().with_classifier(|outcome| match outcome {
        Outcome::Status(StatusCode::NOT_FOUND) => Some(Verdict::Failure),
        Outcome::Status(StatusCode::NOT_IMPLEMENTED) => Some(Verdict::Neutral),
        _ => None,
    });
    let (bad, good, none) = (Verdict::Failure, Verdict::Success, Verdict::Neutral);
    for (outcome, expected) in [
        (status(101), [good, good, good, good]),
        (status(200), [good, good, good, good]),
        (status(404), [good, good, good, bad]),
        (status(429), [none, none, bad, none]),
        (status(500), [bad, good, bad, bad]),
        (status(501), [bad, good, bad, none]),
        (status(502), [bad, bad, bad, bad]),
        (status(504), [bad, bad, bad, bad]),
        (status(505), [bad, good, bad, bad]),
        (status(599), [bad, good, bad, bad]),
        (grpc(0), [good, good, good, good]),
        (grpc(1), [none, none, none, none]),
        (grpc(5), [good, good, good, good]),
        (grpc(8), [none, none, none, none]),
        (grpc(14), [bad, good, bad, bad]),
        (Outcome::Abandoned, [none, none, bad, none]),
        (Outcome::Rejected, [none, none, bad, none]),
        (Outcome::Failed(Failure::Body), [bad, none, bad, bad]),
        (Outcome::Failed(Failure::Dns), [bad, none, bad, bad]),
        (Outcome::Failed(Failure::Reset), [bad, none, bad, bad]),
        (Outcome::Failed(Failure::Timeout), [bad, none, bad, bad]),
        (Outcome::Failed(Failure::Other), [bad, none, bad, bad]),
    ] {
        let found = [&default, &gateway, &strict, &own].map(|set| set.verdict(outcome));
        assert_eq!(found, expected, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn neutral_calls_neither_open_it_nor_break_a_row_of_failures() {
    let layer = CircuitBreakerLayer::new(touchy().with_consecutive_failures(2));
    for outcome in [
        Outcome::Rejected,
        Outcome::Status(StatusCode::TOO_MANY_REQUESTS),
        Outcome::Abandoned,
    ] {
        for _ in 0..9 {
            layer.admit().unwrap().settle(outcome);
        }
    }
    fail(&layer);
    drop(layer.admit().unwrap());
    assert_eq!(layer.consecutive_failures(), 1);
    fail(&layer);
    assert!(layer.admit().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_run_of_calls_cut_off_by_an_outer_timeout_can_count() {
    let policy =
        CircuitBreakerPolicy::default().with_failure_on(FailureOn::default().with_abandoned(true));
    let layer = CircuitBreakerLayer::new(policy);
    let mut hangs = layer.layer(service_fn(|_: Request<()>| {
        pending::<Result<Response<Script>, Infallible>>()
    }));
    for _ in 0..5 {
        let sent = tokio::time::timeout(Duration::from_secs(1), send(&mut hangs));
        assert!(sent.await.is_err());
    }
    let reason = OpenReason::ConsecutiveFailures(5);
    assert_eq!(why(&layer), Some(reason));
}

#[tokio::test(start_paused = true)]
async fn any_of_the_thresholds_opens_it() {
    let policy = CircuitBreakerPolicy::default()
        .with_consecutive_failures(3)
        .with_failure_rate(Percent::new(50))
        .with_window(Window::Count(10))
        .with_minimum_calls(6);
    let layer = CircuitBreakerLayer::new(policy);
    for _ in 0..3 {
        fail(&layer);
    }
    assert_eq!(why(&layer), Some(OpenReason::ConsecutiveFailures(3)));

    layer.reset();
    for _ in 0..3 {
        succeed(&layer);
        fail(&layer);
    }
    let half = OpenReason::FailureRate {
        calls: 6,
        failed: 3,
    };
    assert_eq!(why(&layer), Some(half));
}

#[tokio::test(start_paused = true)]
async fn a_window_of_time_forgets() {
    let policy = CircuitBreakerPolicy::default()
        .with_consecutive_failures(0)
        .with_failure_rate(Percent::new(50))
        .with_window(Window::Time(Duration::from_secs(10)))
        .with_minimum_calls(4);
    let layer = CircuitBreakerLayer::new(policy);
    for _ in 0..100 {
        fail(&layer);
        fail(&layer);
        fail(&layer);
        assert_eq!(layer.counts().calls(), 3);
        advance(Duration::from_secs(10)).await;
    }
    assert_eq!(layer.counts().calls(), 0);
    assert_eq!(layer.state(), CircuitState::Closed);
    // Not a tumbling window: these four lie on both sides of a multiple of its length.
    advance(Duration::from_millis(9_500)).await;
    fail(&layer);
    fail(&layer);
    advance(Duration::from_secs(1)).await;
    fail(&layer);
    fail(&layer);
    assert!(layer.admit().is_err());
}

#[tokio::test(start_paused = true)]
async fn each_opening_in_a_row_is_longer_up_to_the_maximum() {
    let policy = touchy()
        .with_open_for(Duration::from_secs(10))
        .with_growth(3.0)
        .with_max_open_for(Duration::from_secs(100))
        .with_jitter(Percent::NONE);
    let layer = CircuitBreakerLayer::new(policy);
    for _ in 0..2 {
        for seconds in [10, 30, 90, 100, 100] {
            fail(&layer);
            let rejection = layer.admit().unwrap_err();
            assert_eq!(rejection.retry_after(), Some(Duration::from_secs(seconds)));
            advance(Duration::from_secs(seconds)).await;
        }
        succeed(&layer);
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_openings_are_spread_by_chance() {
    let policy = touchy().with_growth(1.0).with_jitter(Percent::new(50));
    let mut lengths = Vec::new();
    for seed in 0..100 {
        let layer = CircuitBreakerLayer::new(policy.clone()).with_seed(seed);
        fail(&layer);
        assert_eq!(layer.admit().unwrap_err().retry_after(), Some(OPEN_FOR));
        advance(OPEN_FOR).await;
        fail(&layer);
        lengths.push(layer.admit().unwrap_err().retry_after().unwrap());
    }
    let (least, most) = (lengths.iter().min(), lengths.iter().max());
    assert!(*least.unwrap() >= OPEN_FOR && *least.unwrap() < OPEN_FOR * 11 / 10);
    assert!(*most.unwrap() <= OPEN_FOR * 15 / 10 && *most.unwrap() > OPEN_FOR * 14 / 10);
}

#[tokio::test(start_paused = true)]
async fn a_failure_while_recovering_follows_the_policy() {
    let policy = CircuitBreakerPolicy::default().with_consecutive_failures(2);
    let layer = CircuitBreakerLayer::new(policy.with_jitter(Percent::NONE)).with_seed(3);
    fail(&layer);
    fail(&layer);
    advance(OPEN_FOR).await;
    succeed(&layer);
    let recovering = |share| CircuitState::Recovering {
        share: Percent::new(share),
    };
    assert_eq!(layer.state(), recovering(10));
    advance(Duration::from_secs(7)).await;
    assert_eq!(layer.state(), recovering(70));

    let mut failures = 0;
    while failures < 2 {
        if let Ok(ticket) = layer.admit() {
            assert_eq!(layer.state(), recovering(70));
            ticket.settle(BAD);
            failures += 1;
        }
    }
    // It opened again without having closed: longer than the first time.
    let expected = CircuitState::Open {
        remaining: 2 * OPEN_FOR,
        reason: OpenReason::ConsecutiveFailures(2),
    };
    assert_eq!(layer.state(), expected);
}

#[tokio::test(start_paused = true)]
async fn as_many_probes_as_it_takes_go_through_at_once() {
    let probes = Probes::new(3).with_at_once(2).with_failures(2);
    let layer = CircuitBreakerLayer::new(touchy().with_probes(probes));
    fail(&layer);
    advance(OPEN_FOR).await;
    let one = layer.admit().unwrap();
    let two = layer.admit().unwrap();
    assert_eq!(why(&layer), Some(OpenReason::Probing));
    one.settle(Outcome::SUCCESS);
    two.settle(BAD);
    succeed(&layer);
    assert_eq!(layer.state(), CircuitState::HalfOpen);
    succeed(&layer);
    assert_eq!(layer.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn it_is_opened_and_closed_by_hand() {
    let events = Events::default();
    let layer = CircuitBreakerLayer::with_observer(touchy(), events.observer());
    layer.force_open();
    advance(Duration::from_secs(1_000_000)).await;
    assert_eq!(layer.state(), CircuitState::ForcedOpen);
    let rejection = layer.admit().unwrap_err();
    assert_eq!(rejection.retry_after(), None);
    assert_eq!(why(&layer), Some(OpenReason::Forced));

    layer.force_closed();
    for _ in 0..100 {
        fail(&layer);
    }
    assert_eq!(layer.state(), CircuitState::ForcedClosed);

    layer.reset();
    fail(&layer);
    layer.reset();
    assert_eq!(layer.state(), CircuitState::Closed);
    let opened = |open_for, reason| EventKind::CircuitOpened { open_for, reason };
    let expected = [
        opened(None, OpenReason::Forced),
        EventKind::CircuitClosed,
        opened(Some(OPEN_FOR), OpenReason::ConsecutiveFailures(1)),
        EventKind::CircuitClosed,
    ];
    assert_eq!(steps(&events), expected);

    layer.open_for(Duration::from_secs(600));
    advance(Duration::from_secs(600)).await;
    succeed(&layer);
    assert_eq!(layer.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn observers_hear_of_each_step() {
    let events = Events::default();
    let ramp = Duration::from_secs(10);
    let policy = touchy().with_ramp(ramp);
    let layer = CircuitBreakerLayer::with_observer(policy, events.observer());
    fail(&layer);
    advance(OPEN_FOR).await;
    succeed(&layer);
    advance(ramp).await;
    succeed(&layer);
    let expected = [
        EventKind::CircuitOpened {
            open_for: Some(OPEN_FOR),
            reason: OpenReason::ConsecutiveFailures(1),
        },
        EventKind::CircuitHalfOpened,
        EventKind::CircuitRecovering { ramp },
        EventKind::CircuitClosed,
    ];
    assert_eq!(steps(&events), expected);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_reports_and_refuses_nothing() {
    let events = Events::default();
    let policy = CircuitBreakerPolicy::default().with_dry_run(true);
    let layer = CircuitBreakerLayer::with_observer(policy, events.observer());
    for _ in 0..100 {
        fail(&layer);
    }
    let would = |failures| EventKind::CircuitWouldOpen {
        reason: OpenReason::ConsecutiveFailures(failures),
    };
    assert_eq!(steps(&events), [would(5)]);
    advance(OPEN_FOR).await;
    fail(&layer);
    assert_eq!(steps(&events), [would(101)]);
    assert_eq!(layer.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_policy_keeps_what_is_known() {
    let layer = CircuitBreakerLayer::new(touchy().with_consecutive_failures(3));
    fail(&layer);
    fail(&layer);
    let in_flight = layer.admit().unwrap();
    layer.reconfigure(touchy().with_consecutive_failures(4));
    in_flight.settle(BAD);
    assert_eq!(layer.consecutive_failures(), 3);
    assert_eq!(layer.state(), CircuitState::Closed);
    fail(&layer);

    // Open stays open, but not for longer than the new maximum.
    let second = Duration::from_secs(1);
    layer.reconfigure(touchy().with_open_for(second).with_max_open_for(5 * second));
    assert_eq!(layer.admit().unwrap_err().retry_after(), Some(5 * second));

    // And not at all under a policy that never opens.
    layer.reconfigure(CircuitBreakerPolicy::off());
    assert_eq!(layer.state(), CircuitState::Closed);
    for _ in 0..100 {
        fail(&layer);
    }
    assert_eq!(layer.state(), CircuitState::Closed);

    // What somebody opened by hand stays open all the same.
    layer.force_open();
    layer.reconfigure(touchy().with_dry_run(true));
    assert_eq!(layer.state(), CircuitState::ForcedOpen);
}

#[tokio::test(start_paused = true)]
async fn a_window_of_the_same_size_outlives_its_policy() {
    let rate = |percent, size| {
        CircuitBreakerPolicy::default()
            .with_failure_rate(Percent::new(percent))
            .with_window(Window::Count(size))
    };
    let layer = CircuitBreakerLayer::new(rate(90, 50));
    fail(&layer);
    succeed(&layer);
    layer.reconfigure(rate(80, 50));
    assert_eq!(layer.counts().failure_rate(), Percent::new(50));
    layer.reconfigure(rate(80, 60));
    assert_eq!(layer.counts().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_went_out_while_nothing_was_counted_does_not_count_later() {
    let layer = CircuitBreakerLayer::new(CircuitBreakerPolicy::off());
    let (old, older) = (layer.admit().unwrap(), layer.admit().unwrap());
    layer.reconfigure(touchy().with_failure_on(FailureOn::default().with_abandoned(true)));
    old.settle(BAD);
    drop(older);
    assert_eq!(layer.state(), CircuitState::Closed);
    fail(&layer);
    assert!(matches!(layer.state(), CircuitState::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_bad_call_decides_by_the_good_calls_of_all_threads() {
    for window in [Window::Count(10_000), Window::Time(OPEN_FOR)] {
        let policy = CircuitBreakerPolicy::default()
            .with_consecutive_failures(0)
            .with_failure_rate(Percent::new(1))
            .with_window(window);
        let layer = CircuitBreakerLayer::new(policy);
        let runtime = Handle::current();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    // For its clock.
                    let _guard = runtime.enter();
                    (0..1_000).for_each(|_| succeed(&layer));
                });
            }
        });
        assert_eq!(layer.counts().calls(), 4_000);
        for _ in 0..40 {
            fail(&layer);
        }
        assert_eq!(layer.state(), CircuitState::Closed);
        fail(&layer);
        let (calls, failed) = (4_041, 41);
        let expected = OpenReason::FailureRate { calls, failed };
        assert_eq!(why(&layer), Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn any_async_call_can_be_guarded() {
    let layer = CircuitBreakerLayer::new(touchy());
    let good = layer.run(|| async { Ok::<_, io::Error>(7) }).await;
    assert_eq!(good.unwrap(), 7);

    // A refusal of this crate's own inside the work says nothing about the upstream.
    let refusal: BoxError = Box::new(Rejection::NoRoute);
    let refused = layer.run(|| ready(Err::<(), _>(refusal))).await;
    assert!(matches!(refused, Err(RunError::Inner(_))));
    assert_eq!(layer.state(), CircuitState::Closed);

    let status = |result: &Result<u16, Infallible>| match result {
        Ok(status) => Outcome::Status(StatusCode::from_u16(*status).unwrap()),
        Err(never) => match *never {},
    };
    let answered = layer.run_with(|| ready(Ok::<_, Infallible>(503)), status);
    assert_eq!(answered.await, Ok(503));

    let mut asked = false;
    let refused = layer.run(|| {
        asked = true;
        ready(Ok::<_, io::Error>(()))
    });
    let error = refused.await.unwrap_err();
    assert!(matches!(
        error,
        RunError::Rejected(Rejection::CircuitOpen { .. })
    ));
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(
        source.to_string(),
        "circuit breaker open: consecutive failures: 1"
    );
    assert!(!asked);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_the_inner_services_alone() {
    let layer = CircuitBreakerLayer::default();
    layer.force_open();
    let (mut service, mut handle) =
        tower_test::mock::spawn_layer::<Request<()>, Response<Empty<Bytes>>, _>(layer.clone());
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let response = service.call(Request::new(())).await.unwrap();
    assert!(Rejection::of(&response).is_some());
}

#[tokio::test(start_paused = true)]
async fn it_calls_no_clone_that_was_not_ready() {
    let layer = CircuitBreakerLayer::default();
    let limited = ConcurrencyLimit::new(Upstream::new(), 1);
    let mut service = layer.layer(limited);
    for _ in 0..3 {
        let mut clone = service.clone();
        send(&mut clone).await;
        send(&mut service).await;
    }

    let (buffer, worker) = Buffer::pair(Upstream::new(), 1);
    let worker = tokio::spawn(worker);
    let mut service = layer.layer(buffer);
    for _ in 0..3 {
        let mut clone = service.clone();
        send(&mut clone).await;
        send(&mut service).await;
    }
    drop(service);
    worker.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_ready_keeps_no_probe_place() {
    /// Is ready only when it is told so.
    #[derive(Clone)]
    struct Gate(Arc<AtomicBool>);
    impl Service<Request<()>> for Gate {
        type Response = Response<Script>;
        type Error = Infallible;
        type Future = Ready<Result<Response<Script>, Infallible>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            if self.0.load(Ordering::Relaxed) {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        }
        fn call(&mut self, _: Request<()>) -> Self::Future {
            ready(Ok(Response::default()))
        }
    }
    let layer = CircuitBreakerLayer::new(touchy());
    fail(&layer);
    advance(OPEN_FOR).await;
    let open = Arc::new(AtomicBool::new(false));
    let mut service = layer.layer(Gate(Arc::clone(&open)));
    let waiting = tokio::time::timeout(OPEN_FOR, service.ready());
    assert!(waiting.await.is_err());
    open.store(true, Ordering::Relaxed);
    send(&mut service).await;
    assert_eq!(layer.state(), CircuitState::Closed);
}
