//! Waits, the time of a try, and the deadline.

use std::io::ErrorKind;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::retry::{Backoff, Jitter, ResetFormat, RetryLayer, RetryPolicy};
use meshless::{Deadline, Rejection};
use tokio::time::Instant;
use tower::Layer;
use tower::limit::ConcurrencyLimit;

use super::server::{Server, Step, grpc};
use super::{eager, request};
use crate::support::{Script, call, start};

const SECOND: Duration = Duration::from_secs(1);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn after(seconds: &'static str) -> Step {
    let response = Response::builder()
        .status(503)
        .header("retry-after", seconds);
    Step::Answer(response.body(Script::default()).unwrap())
}

async fn under<T>(timeout: Duration, call: impl Future<Output = T>) -> (T, Duration) {
    let begin = Instant::now();
    let deadline = Deadline::after(timeout).unwrap();
    let result = deadline.scoped(call).await;
    (result, begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_try_begins_before_or_after_the_queue() {
    for (queueing, expected) in [(true, [200, 504, 504]), (false, [200; 3])] {
        let policy = RetryPolicy::new(1)
            .with_per_try_timeout(ms(100))
            .with_per_try_queueing(queueing);
        let one = ConcurrencyLimitPolicy::new(1).with_max_pending(9);
        let slow = tower::service_fn(|_: Request<_>| async {
            tokio::time::sleep(ms(80)).await;
            Ok::<_, std::io::Error>(Response::new(Script::default()))
        });
        let inner = ConcurrencyLimitLayer::new(one).layer(slow);
        let mut service = RetryLayer::new(policy).layer(inner);
        let calls = [(); 3].map(|()| status_of(start(&mut service, request(Method::POST))));
        let statuses = futures_util::future::join_all(calls).await;
        assert_eq!(statuses, expected, "{queueing}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_try_that_left_the_queue_has_its_time() {
    let policy = RetryPolicy::new(1)
        .with_per_try_timeout(ms(100))
        .with_per_try_queueing(false);
    let one = ConcurrencyLimitPolicy::new(1).with_max_pending(9);
    let hangs = tower::service_fn(|_: Request<_>| std::future::pending::<Answered>());
    let inner = ConcurrencyLimitLayer::new(one).layer(hangs);
    let mut service = RetryLayer::new(policy).layer(inner);
    let began = Instant::now();
    let calls = [(); 3].map(|()| status_of(start(&mut service, request(Method::POST))));
    let statuses = futures_util::future::join_all(calls).await;
    assert_eq!(statuses, [504; 3]);
    assert_eq!(began.elapsed(), ms(300), "one after the other");
}

type Answered = Result<Response<Script>, std::io::Error>;

/// Returns the status of an answer, whose body is not kept: it would keep the permit.
async fn status_of<R, E: std::fmt::Debug>(
    answer: impl Future<Output = Result<Response<R>, E>>,
) -> u16 {
    answer.await.unwrap().status().as_u16()
}

#[tokio::test(start_paused = true)]
async fn the_wait_doubles_up_to_its_cap() {
    let server = Server::always(Step::Fail(ErrorKind::ConnectionRefused));
    let policy = eager(5).with_backoff(Backoff::DEFAULT.with_jitter(Jitter::None));
    drop(
        call(
            &mut RetryLayer::new(policy).layer(server.clone()),
            request(Method::GET),
        )
        .await,
    );
    assert_eq!(server.gaps(), [25, 50, 100, 200, 250].map(ms));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_waits_and_no_two_calls_the_same() {
    let gaps = |seed| async move {
        let server = Server::always(Step::Fail(ErrorKind::ConnectionRefused));
        let backoff = Backoff::exponential(SECOND);
        let layer = RetryLayer::new(eager(2).with_backoff(backoff)).with_seed(seed);
        let mut service = layer.layer(server.clone());
        drop(call(&mut service, request(Method::GET)).await);
        drop(call(&mut service, request(Method::GET)).await);
        server.gaps()
    };
    let (one, two) = (gaps(1).await, gaps(1).await);
    assert_eq!(one, two);
    assert_ne!(one, gaps(2).await);
    assert_ne!(one[..2], one[3..]);
}

#[tokio::test(start_paused = true)]
async fn the_server_says_when_to_come_back() {
    for (step, least, most) in [
        (after("2"), 2_000, 3_000),
        (after("900"), 30_000, 30_000),
        (after("0"), 0, 1),
        (Step::Answer(dated()), 4_000, 6_000),
        (Step::Answer(pushed_back("70")), 70, 70),
    ] {
        let server = Server::new([step]);
        let mut service = RetryLayer::new(eager(1)).layer(server.clone());
        drop(call(&mut service, request(Method::GET)).await);
        let gap = server.gaps()[0];
        assert!(ms(least) <= gap && gap <= ms(most) + ms(1), "{gap:?}");
    }
}

/// Four seconds after the server's own clock, which is wrong by years.
fn dated() -> Response<Script> {
    let response = Response::builder().status(503);
    let response = response.header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let response = response.header("retry-after", "Sun, 06 Nov 1994 08:49:41 GMT");
    response.body(Script::default()).unwrap()
}

fn pushed_back(millis: &'static str) -> Response<Script> {
    let mut response = grpc(14);
    let millis = HeaderValue::from_static(millis);
    response
        .headers_mut()
        .insert("grpc-retry-pushback-ms", millis);
    response
}

#[tokio::test(start_paused = true)]
async fn a_header_of_ones_own_says_when_to_come_back() {
    let name = http::HeaderName::from_static("x-ratelimit-reset");
    let policy = eager(1).with_reset_header(name, ResetFormat::Seconds);
    let response = Response::builder()
        .status(503)
        .header("x-ratelimit-reset", "4");
    let server = Server::new([Step::Answer(response.body(Script::default()).unwrap())]);
    drop(
        call(
            &mut RetryLayer::new(policy).layer(server.clone()),
            request(Method::GET),
        )
        .await,
    );
    assert!((4 * SECOND..=6 * SECOND).contains(&server.gaps()[0]));
}

#[tokio::test(start_paused = true)]
async fn what_the_server_asks_for_can_be_ignored() {
    let server = Server::new([after("9")]);
    let policy = eager(1).with_retry_after(Duration::ZERO);
    drop(
        call(
            &mut RetryLayer::new(policy).layer(server.clone()),
            request(Method::GET),
        )
        .await,
    );
    assert_eq!(server.gaps(), [ms(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_pushback_that_forbids_the_retry_is_ignored_with_the_rest() {
    for (policy, gaps) in [
        (eager(1), &[][..]),
        (eager(1).with_retry_after(Duration::ZERO), &[ms(1)]),
    ] {
        let server = Server::new([Step::Answer(pushed_back("-1"))]);
        let mut service = RetryLayer::new(policy).layer(server.clone());
        drop(call(&mut service, request(Method::GET)).await);
        assert_eq!(server.gaps(), gaps);
    }
}

#[tokio::test(start_paused = true)]
async fn no_wait_begins_that_ends_after_the_deadline() {
    for step in [after("2"), Step::Answer(pushed_back("1000"))] {
        let server = Server::always(step);
        let mut service = RetryLayer::new(eager(9)).layer(server.clone());
        let (response, took) = under(SECOND, call(&mut service, request(Method::GET))).await;
        drop(response);
        assert_eq!((server.seen(), took), (1, Duration::ZERO), "fails at once");
    }
}

#[tokio::test(start_paused = true)]
async fn no_try_begins_after_the_deadline() {
    let late = Step::Wait(ms(400), Box::new(Step::status(503)));
    let server = Server::always(late);
    let mut service = RetryLayer::new(eager(9)).layer(server.clone());
    let (response, took) = under(SECOND, call(&mut service, request(Method::GET))).await;
    // Nobody stops the third try here: that is the timeout layer's work.
    assert_eq!(response.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((server.seen(), took), (3, ms(1_202)));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_ready_again_before_the_deadline_is_a_timeout() {
    let server = Server::new([Step::Fail(ErrorKind::ConnectionRefused), Step::Hang]);
    let limited = ConcurrencyLimit::new(server.clone(), 1);
    let layer = RetryLayer::new(eager(1).with_backoff(Backoff::constant(ms(10))));
    let (mut one, mut two) = (layer.layer(limited.clone()), layer.layer(limited));

    let first =
        tokio::spawn(async move { under(SECOND, call(&mut one, request(Method::GET))).await });
    tokio::time::sleep(ms(5)).await;
    let second = tokio::spawn(async move { call(&mut two, request(Method::GET)).await });
    let (response, took) = first.await.unwrap();
    let response = response.unwrap();
    assert_eq!(
        (response.status(), took),
        (StatusCode::GATEWAY_TIMEOUT, SECOND)
    );
    assert!(matches!(
        Rejection::of(&response),
        Some(Rejection::TimedOut(_))
    ));
    second.abort();
}

#[tokio::test(start_paused = true)]
async fn each_try_has_its_time_the_first_one_too() {
    let server = Server::always(Step::Hang);
    let mut service = RetryLayer::new(eager(2).with_per_try_timeout(ms(100))).layer(server.clone());
    let begin = Instant::now();
    let response = call(&mut service, request(Method::GET)).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(
        Rejection::of(&response),
        Some(&Rejection::TimedOut(ms(100)))
    );
    assert_eq!((server.seen(), begin.elapsed()), (3, ms(300)));
}

#[tokio::test(start_paused = true)]
async fn a_post_has_its_time_too_but_is_not_repeated() {
    let server = Server::always(Step::Hang);
    let policy = RetryPolicy::new(2).with_per_try_timeout(ms(100));
    let mut service = RetryLayer::new(policy).layer(server.clone());
    let response = call(&mut service, request(Method::POST)).await.unwrap();
    assert_eq!(
        (response.status(), server.seen()),
        (StatusCode::GATEWAY_TIMEOUT, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_try_is_dropped_if_the_deadline_comes_no_later() {
    for (total, tries) in [(99, 1), (100, 1), (101, 2), (350, 4)] {
        let server = Server::always(Step::Hang);
        let policy = eager(9).with_per_try_timeout(ms(100));
        let mut service = RetryLayer::new(policy).layer(server.clone());
        let guarded = tokio::time::timeout(ms(total), call(&mut service, request(Method::GET)));
        let (result, took) = under(ms(total), guarded).await;
        assert!(result.is_err(), "the total holds");
        assert_eq!((server.seen(), took), (tries, ms(total)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_there_when_its_time_is_over_wins() {
    let server = Server::new([Step::Wait(ms(100), Box::new(Step::status(200)))]);
    let mut service = RetryLayer::new(eager(2).with_per_try_timeout(ms(100))).layer(server.clone());
    let response = call(&mut service, request(Method::GET)).await.unwrap();
    assert_eq!((response.status(), server.seen()), (StatusCode::OK, 1));
}

#[tokio::test(start_paused = true)]
async fn a_grpc_caller_gets_its_timeout_as_a_status() {
    let server = Server::always(Step::Hang);
    let mut service = RetryLayer::new(eager(1).with_per_try_timeout(ms(100))).layer(server);
    let mut request: Request<Script> = request(Method::POST);
    let grpc = HeaderValue::from_static("application/grpc");
    request.headers_mut().insert("content-type", grpc);
    let response = call(&mut service, request).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["grpc-status"]),
        (StatusCode::OK, &HeaderValue::from_static("14"))
    );
}

#[tokio::test(start_paused = true)]
async fn each_try_is_told_the_time_that_is_left() {
    let late = Step::Wait(ms(300), Box::new(Step::status(503)));
    let server = Server::always(late);
    let policy = eager(2).with_backoff(Backoff::constant(ms(20)));
    let mut service = RetryLayer::new(policy.clone()).layer(server.clone());
    drop(under(ms(1_500), call(&mut service, request(Method::GET))).await);
    assert_eq!(
        server.header("x-envoy-expected-rq-timeout-ms"),
        ["1500", "1180", "860"]
    );

    let server = Server::always(Step::Answer(grpc(14)));
    let policy = policy.with_per_try_timeout(ms(70));
    let mut service = RetryLayer::new(policy).layer(server.clone());
    let mut request: Request<Script> = request(Method::POST);
    let grpc = HeaderValue::from_static("application/grpc");
    request.headers_mut().insert("content-type", grpc);
    drop(under(ms(100), call(&mut service, request)).await);
    assert_eq!(
        server.header("x-envoy-expected-rq-timeout-ms"),
        ["70", "70", "60"]
    );
    assert_eq!(server.header("grpc-timeout"), ["70m", "70m", "60m"]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_layer_inside_counts_as_the_time_of_a_try() {
    let mut answer = Response::builder()
        .status(504)
        .body(Script::default())
        .unwrap();
    answer.extensions_mut().insert(Rejection::TimedOut(ms(5)));
    let server = Server::new([Step::Answer(answer)]);
    let reset = meshless::retry::RetryOn::parse("reset").unwrap();
    let mut service = RetryLayer::new(eager(1).with_retry_on(reset)).layer(server.clone());
    let response = call(&mut service, request(Method::GET)).await.unwrap();
    assert_eq!((response.status(), server.seen()), (StatusCode::OK, 2));
}
