//! What a caller of the retry layer and the server behind it see.

mod bodies;
mod budget;
mod heads;
mod server;
mod time;

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use meshless::concurrency_limit::Overflow;
use meshless::events::EventKind;
use meshless::outcome::ErrorClassifier;
use meshless::retry::RetryStopReason;
use meshless::retry::{
    Backoff, Condition, ReplayBody, RetryBudget, RetryLayer, RetryOn, RetryPolicy,
};
use meshless::{Failure, Percent, Rejection};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use self::server::{Server, Step, grpc, status};
use crate::support::{Events, Script, call, start};

/// Whatever fails is tried again, at once.
pub(crate) fn eager(attempts: u32) -> RetryPolicy {
    RetryPolicy::new(attempts)
        .with_retry_on(RetryOn::parse("5xx,unavailable").unwrap())
        .with_backoff(Backoff::constant(Duration::ZERO))
        .with_envoy_headers(true)
}

pub(crate) fn request(method: Method) -> Request<Script> {
    let mut request = Request::new(Script::default());
    *request.method_mut() = method;
    request
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_is_tried_again_and_each_try_says_which_one_it_is() {
    let server = Server::new([Step::status(500), Step::status(503), Step::status(200)]);
    let mut service = RetryLayer::new(eager(3)).layer(server.clone());

    let response = call(&mut service, request(Method::GET)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(server.header("x-envoy-attempt-count"), ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_the_last_try_is_the_callers() {
    let server = Server::new([
        Step::status(500),
        Step::status(502),
        Step::Answer(
            Response::builder()
                .status(503)
                .body(Script::default().data("last"))
                .unwrap(),
        ),
    ]);
    let mut service = RetryLayer::new(eager(2)).layer(server.clone());

    let response = call(&mut service, request(Method::GET)).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!((server.seen(), &body[..]), (3, &b"last"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_post_arrives_once_unless_it_never_arrived_or_may_arrive_twice() {
    let policy = eager(1);
    let mut keyed = request(Method::POST);
    keyed
        .headers_mut()
        .insert("idempotency-key", HeaderValue::from_static("7"));
    let willing = policy.clone().with_non_idempotent(true);
    for (policy, request, step, tries) in [
        (policy.clone(), request(Method::POST), Step::status(503), 1),
        (
            policy.clone(),
            request(Method::PATCH),
            Step::Fail(ErrorKind::ConnectionReset),
            1,
        ),
        (
            policy.clone(),
            request(Method::POST),
            Step::Fail(ErrorKind::ConnectionRefused),
            2,
        ),
        (policy.clone(), request(Method::PUT), Step::status(503), 2),
        (
            policy.clone(),
            request(Method::DELETE),
            Step::Fail(ErrorKind::ConnectionReset),
            2,
        ),
        (policy, keyed, Step::status(503), 2),
        (willing, request(Method::POST), Step::status(503), 2),
    ] {
        let described = format!("{} {step:?}", request.method());
        let server = Server::new([step]);
        let mut service = RetryLayer::new(policy).layer(server.clone());
        drop(call(&mut service, request).await);
        assert_eq!(server.seen(), tries, "{described}");
    }
}

#[tokio::test(start_paused = true)]
async fn by_default_it_does_what_istio_does() {
    for (step, tries) in [
        (Step::Fail(ErrorKind::ConnectionRefused), 3),
        (Step::Fail(ErrorKind::ConnectionReset), 1),
        (Step::status(503), 1),
        (Step::Answer(grpc(14)), 3),
        (Step::Answer(grpc(1)), 3),
        (Step::Answer(grpc(13)), 1),
    ] {
        let described = format!("{step:?}");
        let server = Server::always(step);
        let mut service = RetryLayer::default().layer(server.clone());
        drop(call(&mut service, request(Method::GET)).await);
        assert_eq!(server.seen(), tries, "{described}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_call_is_repeated_only_if_the_server_ended_it_in_its_head() {
    let call_of = || {
        let mut request = request(Method::POST);
        let grpc = HeaderValue::from_static("application/grpc");
        request.headers_mut().insert("content-type", grpc);
        request
    };
    let mut in_trailers = grpc(0);
    in_trailers.headers_mut().remove("grpc-status");
    *in_trailers.body_mut() = Script::default().data("message").trailers(status(14));

    for (step, tries) in [
        (Step::Answer(grpc(14)), 2),
        (Step::Answer(in_trailers), 1),
        (Step::Answer(grpc(13)), 1),
        (Step::Fail(ErrorKind::ConnectionReset), 1),
        (Step::Fail(ErrorKind::ConnectionRefused), 2),
        (Step::status(503), 1),
    ] {
        let described = format!("{step:?}");
        let server = Server::new([step]);
        let mut service = RetryLayer::new(eager(1)).layer(server.clone());
        drop(call(&mut service, call_of()).await);
        assert_eq!(server.seen(), tries, "{described}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pushback_that_asks_for_no_retry_is_obeyed() {
    let events = Events::default();
    let mut answer = grpc(14);
    answer
        .headers_mut()
        .insert("grpc-retry-pushback-ms", HeaderValue::from_static("-1"));
    let server = Server::new([Step::Answer(answer)]);
    let layer = RetryLayer::with_observer(eager(3), events.observer());
    drop(call(&mut layer.layer(server.clone()), request(Method::GET)).await);
    assert_eq!(server.seen(), 1);
    assert_eq!(
        events.take(),
        [EventKind::RetryStopped(RetryStopReason::Pushback)]
    );
}

#[tokio::test(start_paused = true)]
async fn an_observer_hears_of_each_retry_and_of_the_reason_to_give_up() {
    let events = Events::default();
    let server = Server::always(Step::status(500));
    let layer = RetryLayer::with_observer(eager(1), events.observer());
    let mut service = layer.layer(server);
    drop(call(&mut service, request(Method::GET)).await);
    drop(call(&mut service, request(Method::POST)).await);
    let wait = Duration::ZERO;
    assert_eq!(
        events.take(),
        [
            EventKind::Retrying { retry: 1, wait },
            EventKind::RetryStopped(RetryStopReason::Attempts(1)),
            // A POST that was answered: not even copied, so nobody has given up anything.
            EventKind::RetryStopped(RetryStopReason::NotIdempotent),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_observer_hears_of_a_try_that_took_too_long() {
    let limit = Duration::from_millis(5);
    for method in [Method::GET, Method::POST] {
        let events = Events::default();
        let policy = eager(1).with_per_try_timeout(limit);
        let layer = RetryLayer::with_observer(policy, events.observer());
        drop(
            call(
                &mut layer.layer(Server::always(Step::Hang)),
                request(method),
            )
            .await,
        );
        let last = events.take().pop();
        assert_eq!(last, Some(EventKind::Rejected(Rejection::TimedOut(limit))));
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_type_passes_through() {
    let server = Server::always(Step::Fail(ErrorKind::ConnectionRefused));
    let mut service = RetryLayer::new(eager(2)).layer(server.clone());
    let error: io::Error = call(&mut service, request(Method::GET)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(server.seen(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_an_unknown_type_is_read_as_its_user_says() {
    let recognizer =
        ErrorClassifier::new(|error: &&str| (*error == "gone").then_some(Failure::NotSent));
    let policy = RetryPolicy::new(1).with_error_classifier(recognizer);
    let tries = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&tries);
    let inner = service_fn(move |_: Request<ReplayBody<Script>>| {
        *counter.lock().unwrap() += 1;
        async { Err::<Response<Script>, _>("gone") }
    });
    let mut service = RetryLayer::new(policy).layer(inner);
    assert_eq!(
        call(&mut service, request(Method::POST)).await.unwrap_err(),
        "gone"
    );
    assert_eq!(*tries.lock().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_condition_of_ones_own_decides_first_and_lifts_no_safety() {
    let teapot = StatusCode::IM_A_TEAPOT;
    let own = RetryOn::none()
        .with_predicate(move |outcome, _| Some(outcome == meshless::Outcome::Status(teapot)));
    for (method, tries) in [(Method::GET, 2), (Method::POST, 1)] {
        let server = Server::new([Step::status(418)]);
        let policy = eager(1).with_retry_on(own.clone());
        let mut service = RetryLayer::new(policy).layer(server.clone());
        drop(call(&mut service, request(method)).await);
        assert_eq!(server.seen(), tries);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_before_it_is_polled_leaves_nothing_behind() {
    let server = Server::always(Step::status(500));
    let layer = RetryLayer::new(eager(1).with_max_parallel(1));
    let mut service = layer.layer(server.clone());
    for _ in 0..3 {
        drop(start(&mut service, request(Method::GET)));
    }
    drop(call(&mut service, request(Method::GET)).await);
    assert_eq!(server.seen(), 2 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_it_waits_gives_its_place_back() {
    let server = Server::always(Step::status(500));
    let slow = eager(1)
        .with_max_parallel(1)
        .with_backoff(Backoff::constant(Duration::from_secs(5)));
    let mut service = RetryLayer::new(slow).layer(server.clone());

    let mut waiting = tokio_test_task(start(&mut service, request(Method::GET)));
    assert!(waiting().is_pending());
    drop(call(&mut service, request(Method::GET)).await);
    assert_eq!(server.seen(), 2, "the only place is taken");

    drop(waiting);
    drop(call(&mut service, request(Method::GET)).await);
    assert_eq!(server.seen(), 4);
}

/// Polls a future without waking anybody.
fn tokio_test_task<F: Future>(future: F) -> impl FnMut() -> Poll<F::Output> {
    let mut future = Box::pin(future);
    move || {
        let waker = std::task::Waker::noop();
        future
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker))
    }
}

#[tokio::test(start_paused = true)]
async fn every_further_try_waits_until_the_service_is_ready() {
    // Panics if it is called without a permit, which `poll_ready` takes.
    let server = Server::new([Step::status(500), Step::status(500)]);
    let limited = ServiceBuilder::new()
        .layer(RetryLayer::new(eager(3)))
        .layer(ConcurrencyLimitLayer::new(1))
        .service(server.clone());
    let mut service = limited.clone();
    let response = call(&mut service, request(Method::GET)).await.unwrap();
    assert_eq!((response.status(), server.seen()), (StatusCode::OK, 3));

    let server = Server::new([Step::status(500), Step::status(500)]);
    let mut service = ServiceBuilder::new()
        .layer(RetryLayer::new(eager(3)))
        .buffer::<Request<ReplayBody<Script>>>(1)
        .service(server.clone());
    let response = call(&mut service, request(Method::GET)).await.unwrap();
    assert_eq!((response.status(), server.seen()), (StatusCode::OK, 3));
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_is_not_ready_is_waited_for_outside() {
    let (mut service, mut handle) = tower_test::mock::spawn_with(
        |inner: tower_test::mock::Mock<Request<ReplayBody<Script>>, Response<Script>>| {
            RetryLayer::new(eager(1)).layer(inner)
        },
    );
    handle.allow(0);
    assert!(service.poll_ready::<Request<Script>>().is_pending());
    handle.allow(1);
    assert!(service.poll_ready::<Request<Script>>().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_policy_replaced_mid_flight_holds_for_the_next_request() {
    let server = Server::always(Step::status(500));
    let slow = eager(2).with_backoff(Backoff::constant(Duration::from_secs(1)));
    let layer = RetryLayer::new(slow);
    let mut service = layer.layer(server.clone());

    let under_way = tokio::spawn(start(&mut service, request(Method::GET)));
    tokio::task::yield_now().await;
    layer.reconfigure(RetryPolicy::off());
    drop(under_way.await.unwrap());
    assert_eq!(server.seen(), 3, "it keeps the policy that it began with");

    drop(call(&mut service, request(Method::GET)).await);
    assert_eq!(server.seen(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_inner_service_goes_on_and_frees_its_place() {
    let panics = service_fn(|request: Request<ReplayBody<Script>>| async move {
        let last = request.headers()["x-envoy-attempt-count"] == "2";
        assert!(!last, "as planned");
        let mut response = Response::new(Script::default());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        Ok::<_, std::convert::Infallible>(response)
    });
    let layer = RetryLayer::new(eager(1).with_max_parallel(1));
    for _ in 0..2 {
        let mut service = layer.layer(panics);
        let task = tokio::spawn(async move { call(&mut service, request(Method::GET)).await });
        assert!(task.await.unwrap_err().is_panic());
    }
}

#[tokio::test]
async fn it_goes_straight_into_an_axum_router() {
    let router: axum::Router = axum::Router::new()
        .route("/", axum::routing::get(|| async { "hello" }))
        .route_layer(RetryLayer::new(RetryPolicy::inbound()))
        .layer(RetryLayer::default());
    let response = router
        .oneshot(Request::new(axum::body::Body::empty()))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn a_list_of_conditions_is_read_and_written_as_istio_does() {
    let list = "5xx,connect-failure,retriable-status-codes,503";
    let on = RetryOn::parse(&format!(" {},\t, ", list.replace(',', " ,"))).unwrap();
    assert_eq!(on.to_string(), list);
    assert!(on.contains(Condition::ServerError));
    for wrong in ["600", "199", "5XX", "1000", "connect_failure"] {
        assert_eq!(RetryOn::parse(wrong).unwrap_err().name(), wrong);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_our_own_is_not_tried_again_but_an_overload_over_the_network_is() {
    let overloaded = || {
        let response = Response::builder()
            .status(503)
            .header("x-envoy-overloaded", "true");
        response.body(Script::default()).unwrap()
    };
    let mut refused = overloaded();
    let overflow = Rejection::Overflow(Overflow::InFlight(1));
    refused.extensions_mut().insert(overflow);
    for (answer, tries) in [(refused, 1), (overloaded(), 2)] {
        let server = Server::new([Step::Answer(answer)]);
        let mut service = RetryLayer::new(eager(1)).layer(server.clone());
        drop(call(&mut service, request(Method::GET)).await);
        assert_eq!(server.seen(), tries);
    }
}

#[test]
fn a_policy_whose_budget_can_never_pay_says_so() {
    let nothing = RetryBudget::share(Percent::NONE).with_reserve(0);
    assert!(eager(1).with_budget(nothing.clone()).has_no_budget());
    assert!(eager(1).with_max_parallel(0).has_no_budget());
    assert!(!eager(0).with_budget(nothing).has_no_budget());
    assert!(!RetryPolicy::default().has_no_budget());
}
