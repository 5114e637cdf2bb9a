//! The stacks as they are put together, and what is found in those that cannot work.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::Empty;
use meshless::circuit_breaker::CircuitBreakerPolicy;
use meshless::concurrency_limit::ConcurrencyLimitPolicy;
use meshless::mesh::{LayerConfig, Outbound, StackWarning, lint};
use meshless::rate_limit::RateLimitPolicy;
use meshless::retry::{Backoff, Condition, RetryBudget, RetryOn, RetryPolicy};
use meshless::telemetry::TracePolicy;
use meshless::timeout::TimeoutPolicy;
use meshless::{Percent, Rejection};
use tower::{Layer, service_fn};

use crate::support::{Upstream, call, send};

const SECOND: Duration = Duration::from_secs(1);

fn request() -> Request<Empty<bytes::Bytes>> {
    Request::new(Empty::new())
}

fn eager(attempts: u32) -> RetryPolicy {
    RetryPolicy::new(attempts)
        .with_retry_on(RetryOn::none().with(Condition::ServerError))
        .with_backoff(Backoff::constant(Duration::ZERO))
}

#[tokio::test(start_paused = true)]
async fn the_outbound_stack_retries_counts_tries_and_opens() {
    let outbound = meshless::outbound()
        .with_retry(eager(2))
        .with_attempt_limit(RateLimitPolicy::per_minute(4));
    let upstream = (0..9).fold(Upstream::new(), |u, _| u.then(StatusCode::BAD_GATEWAY));
    let mut client = outbound.layer(upstream.clone());

    assert_eq!(
        call(&mut client, request()).await.unwrap().status(),
        StatusCode::BAD_GATEWAY
    );
    assert_eq!(upstream.calls(), 3, "one try and two retries");
    assert_eq!(outbound.circuit_breaker().consecutive_failures(), 3);

    // The fourth try of the minute is made, and the fifth is not.
    let limited = call(&mut client, request()).await.unwrap();
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(Rejection::of(&limited).unwrap().policy(), "rate_limit");
    assert_eq!(upstream.calls(), 4);

    outbound.circuit_breaker().force_open();
    outbound.attempt_limit().reconfigure(RateLimitPolicy::off());
    let open = call(&mut client, request()).await.unwrap();
    assert_eq!(Rejection::of(&open).unwrap().policy(), "circuit_breaker");
}

#[tokio::test(start_paused = true)]
async fn the_outbound_stack_tells_a_stranger_its_trace_and_nothing_else() {
    let headers = sent(&meshless::outbound(), request()).await;
    assert_eq!(names(&headers), ["traceparent"]);

    // What the application says itself is its own affair.
    let mut own = request();
    let id = HeaderValue::from_static("mine");
    own.headers_mut().insert("x-request-id", id.clone());
    let headers = sent(&meshless::outbound(), own).await;
    assert_eq!(names(&headers), ["traceparent", "x-request-id"]);
    assert_eq!(headers["x-request-id"], id);

    let mut grpc = request();
    let of_grpc = HeaderValue::from_static("application/grpc");
    grpc.headers_mut().insert("content-type", of_grpc);
    let headers = sent(&meshless::outbound(), grpc).await;
    let told = ["content-type", "grpc-timeout", "traceparent"];
    assert_eq!(names(&headers), told, "gRPC's own header is for any server");
}

#[tokio::test(start_paused = true)]
async fn the_outbound_stack_tells_what_it_is_asked_to_tell() {
    let retry = RetryPolicy::default().with_envoy_headers(true);
    let headers = sent(&meshless::outbound().with_retry(retry.clone()), request()).await;
    assert_eq!(headers["x-envoy-attempt-count"], "1");

    let timeout = TimeoutPolicy::total(SECOND).with_envoy_headers(true);
    let headers = sent(
        &meshless::outbound().with_timeout(timeout.clone()),
        request(),
    )
    .await;
    let told = ["traceparent", "x-envoy-expected-rq-timeout-ms"];
    assert_eq!(names(&headers), told);
    assert_eq!(headers["x-envoy-expected-rq-timeout-ms"], "1000");

    let trace = TracePolicy::default().with_request_id_in_request(true);
    let all = meshless::outbound()
        .with_retry(retry)
        .with_timeout(timeout)
        .with_trace(trace);
    let told = [
        "traceparent",
        "x-envoy-attempt-count",
        "x-envoy-expected-rq-timeout-ms",
        "x-request-id",
    ];
    assert_eq!(names(&sent(&all, request()).await), told);
}

/// Returns the headers that an upstream gets of a request through the stack.
async fn sent(outbound: &Outbound, request: Request<Empty<bytes::Bytes>>) -> HeaderMap {
    let (headers, seen) = tokio::sync::oneshot::channel();
    let headers = Arc::new(Mutex::new(Some(headers)));
    let upstream = service_fn(move |request: Request<_>| {
        let sender = headers.lock().unwrap().take().unwrap();
        sender.send(request.headers().clone()).unwrap();
        let body: meshless::retry::ReplayBody<Empty<bytes::Bytes>> = request.into_body();
        drop(body);
        std::future::ready(Ok::<_, std::io::Error>(http::Response::new(
            crate::support::Script::default(),
        )))
    });
    let mut client = outbound.layer(upstream);
    let response = call(&mut client, request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    seen.await.unwrap()
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_a_limit_on_trial_adds_to_a_request_holds_in_the_stack() {
    let header = HeaderName::from_static("x-envoy-upstream-rq-timeout-ms");
    let on_trial = RateLimitPolicy::per_minute(1)
        .with_enforced(Percent::NONE)
        .with_request_header_when_not_enforced(header, HeaderValue::from_static("50"));
    let slow = service_fn(|_: Request<_>| async {
        tokio::time::sleep(SECOND).await;
        let body: Empty<bytes::Bytes> = Empty::new();
        Ok::<_, std::io::Error>(http::Response::new(body))
    });
    let timeout = TimeoutPolicy::total(9 * SECOND).with_header_overrides(true);
    let mut client = meshless::outbound()
        .with_rate_limit(on_trial)
        .with_timeout(timeout)
        .layer(slow);
    let within = call(&mut client, request()).await.unwrap();
    assert_eq!(within.status(), StatusCode::OK);
    let over = call(&mut client, request()).await.unwrap();
    let rejection = Rejection::of(&over).copied();
    assert_eq!(rejection, Some(Rejection::TimedOut(SECOND / 20)));
}

#[tokio::test(start_paused = true)]
async fn the_inbound_stack_limits_by_what_it_is_told() {
    let inbound = meshless::inbound()
        .with_rate_limit(RateLimitPolicy::per_minute(1))
        .with_concurrency_limit(ConcurrencyLimitPolicy::new(1));
    let mut server = inbound.layer(Upstream::new());
    assert_eq!(send(&mut server).await.status(), StatusCode::OK);
    assert_eq!(
        send(&mut server).await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );

    inbound.rate_limit().reconfigure(RateLimitPolicy::off());
    let _held = inbound.concurrency_limit().try_acquire().unwrap();
    let refused = send(&mut server).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["x-envoy-overloaded"], "true");
}

#[tokio::test(start_paused = true)]
async fn the_inbound_stack_gives_up_when_its_caller_does() {
    let hangs = service_fn(|_: Request<()>| {
        std::future::pending::<Result<http::Response<crate::support::Script>, std::io::Error>>()
    });
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    let told = HeaderValue::from_static("250");
    request
        .headers_mut()
        .insert("x-envoy-expected-rq-timeout-ms", told);
    let begin = tokio::time::Instant::now();
    let response = call(&mut meshless::inbound().layer(hangs), request)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(begin.elapsed(), Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn the_cookies_of_an_http2_request_are_one_field_to_a_server() {
    let app = service_fn(|request: Request<()>| {
        let cookies = request.headers().get_all("cookie").iter();
        let cookies: Vec<_> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
        let seen = HeaderValue::from_str(&cookies.join("|")).unwrap();
        let mut response = http::Response::new(crate::support::Script::default());
        response.headers_mut().insert("x-seen", seen);
        std::future::ready(Ok::<_, std::io::Error>(response))
    });
    for (version, expected) in [
        (http::Version::HTTP_11, "a=1|b=2"),
        (http::Version::HTTP_2, "a=1; b=2"),
    ] {
        let request = Request::builder().version(version);
        let request = request.header("cookie", "a=1").header("cookie", "b=2");
        let mut server = meshless::inbound().layer(app);
        let response = call(&mut server, request.body(()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["x-seen"], expected, "{version:?}");
    }
}

#[test]
fn the_defaults_have_nothing_to_be_found() {
    assert_eq!(meshless::outbound().lint(), []);
    assert_eq!(meshless::inbound().lint(), []);
}

#[test]
fn each_mistake_is_found_and_its_mend_told() {
    let total = TimeoutPolicy::total(3 * SECOND);
    let retry = RetryPolicy::new(2);
    let slow = retry.clone().with_per_try_timeout(2 * SECOND);
    let slower = retry.clone().with_per_try_timeout(4 * SECOND);
    let broke = retry
        .clone()
        .with_budget(RetryBudget::share(Percent::NONE).with_reserve(0));
    let breaker = CircuitBreakerPolicy::default();
    let limit = ConcurrencyLimitPolicy::new(8);
    let queue = limit.clone().with_max_pending(8).with_max_wait(9 * SECOND);
    let (timeout, retrying) = (LayerConfig::Timeout(&total), LayerConfig::Retry(&retry));
    let cases: [(&[LayerConfig<'_>], &str); 8] = [
        (
            &[timeout, LayerConfig::Retry(&slow)],
            "3 attempts of 2s do not fit into 3s",
        ),
        (
            &[timeout, LayerConfig::Retry(&slower)],
            "is never reached within a total of 3s",
        ),
        (&[retrying, timeout], "put it outside the retry"),
        (&[LayerConfig::Retry(&broke)], "the budget pays for none"),
        (
            &[LayerConfig::CircuitBreaker(&breaker), retrying],
            "put it inside the retry",
        ),
        (
            &[LayerConfig::ConcurrencyLimit(&limit), retrying],
            "put the limit inside the retry",
        ),
        (
            &[timeout, LayerConfig::ConcurrencyLimit(&queue)],
            "shorten the queue's wait",
        ),
        (
            &[timeout, LayerConfig::Streams],
            "set an idle timeout instead",
        ),
    ];
    for (parts, text) in cases {
        let found = lint(parts);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].to_string().contains(text), "{}", found[0]);
    }
}

#[test]
fn what_is_off_is_no_mistake() {
    let off = (
        CircuitBreakerPolicy::off(),
        ConcurrencyLimitPolicy::off(),
        RetryPolicy::off(),
    );
    let retry = RetryPolicy::new(2);
    let parts = [
        LayerConfig::CircuitBreaker(&off.0),
        LayerConfig::ConcurrencyLimit(&off.1),
        LayerConfig::Retry(&retry),
    ];
    assert_eq!(lint(&parts), []);
    let (breaker, per_try) = (
        CircuitBreakerPolicy::default(),
        TimeoutPolicy::per_try(SECOND),
    );
    let parts = [
        LayerConfig::CircuitBreaker(&breaker),
        LayerConfig::Retry(&off.2),
        LayerConfig::Timeout(&per_try),
        LayerConfig::Streams,
    ];
    assert_eq!(lint(&parts), []);
}

#[test]
fn a_preset_reports_what_its_parts_cannot_do() {
    let found = meshless::outbound()
        .with_retry(RetryPolicy::new(9).with_per_try_timeout(10 * SECOND))
        .with_streams(true)
        .lint();
    assert!(matches!(
        found[..],
        [
            StackWarning::AttemptsOutlastTimeout { attempts: 10, .. },
            StackWarning::TimeoutOverStream { .. }
        ]
    ));
}

#[test]
fn a_preset_reports_what_its_parts_cannot_do_since_they_were_changed() {
    let outbound = meshless::outbound();
    assert_eq!(outbound.lint(), []);
    let slow = RetryPolicy::new(9).with_per_try_timeout(10 * SECOND);
    outbound.retry().reconfigure(slow);
    assert!(matches!(
        outbound.lint()[..],
        [StackWarning::AttemptsOutlastTimeout { attempts: 10, .. }]
    ));
    let long = TimeoutPolicy::total(200 * SECOND);
    outbound.clone().timeout().reconfigure(long);
    assert_eq!(outbound.lint(), []);

    let inbound = meshless::inbound().with_streams(true);
    assert_eq!(inbound.lint(), []);
    let total = TimeoutPolicy::total(SECOND);
    inbound.timeout().reconfigure(total);
    assert!(matches!(
        inbound.lint()[..],
        [StackWarning::TimeoutOverStream { .. }]
    ));
    inbound.timeout().reconfigure(TimeoutPolicy::off());
    assert_eq!(inbound.lint(), []);
}

#[test]
fn a_preset_and_its_services_are_short_to_print_and_to_name() {
    let (outbound, inbound) = (meshless::outbound(), meshless::inbound());
    let (client, server) = (outbound.layer(Upstream::new()), inbound.layer(()));
    for shown in [
        format!("{outbound:?}"),
        format!("{inbound:?}"),
        format!("{client:?}"),
        format!("{server:?}"),
        std::any::type_name_of_val(&client).to_owned(),
        std::any::type_name_of_val(&server).to_owned(),
    ] {
        assert!(shown.len() <= 400, "{}: {shown}", shown.len());
    }
}
