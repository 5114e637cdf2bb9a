//! Several layers together: scenarios from bug reports against their peers, one function each.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use meshless::canary::{Canary, CanaryPolicy, Verdict};
use meshless::circuit_breaker::{
    CircuitBreakerLayer, CircuitBreakerPolicy, CircuitState, FailureOn,
};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::retry::{Backoff, Condition, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::{Outcome, Percent, Rejection};
use serde_json::Value;
use tokio::time::{Instant, advance};
use tower::{Layer, Service, service_fn};

use crate::support::{Script, Upstream, call, send, start};

const BAD: Outcome = Outcome::Status(StatusCode::BAD_GATEWAY);
const OPEN_FOR: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn the_scenarios_of_the_bug_reports_hold() {
    let text = include_str!("../vectors/composition_scenarios.json");
    let scenarios: Value = serde_json::from_str(text).unwrap();
    let mut ran = BTreeSet::new();
    for case in scenarios["groups"][0]["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        match name {
            "budget_concurrent_cas" => withdrawals_are_exact_over_threads(),
            "cancelled_probe_must_not_close" => a_cancelled_probe_decides_nothing().await,
            "late_results_ignored_in_half_open" => late_results_do_not_count_as_probes().await,
            "local_rejections_not_failures" => refusals_of_ours_are_no_failures().await,
            "panic_is_failure_and_releases" => a_panic_counts_and_gives_back().await,
            "poll_ready_clone_no_permit_leak" => readiness_takes_nothing().await,
            "post_retried_on_connect_error" => an_unsent_post_is_sent_again().await,
            "reload_preserves_state" => a_new_policy_leaves_the_circuit_open().await,
            "retry_inside_breaker_counts_once_or_each" => the_order_says_what_is_counted().await,
            "timeout_covers_body_or_documented" => the_total_covers_the_body().await,
            "total_deadline_stops_backoff" => no_wait_that_cannot_fit_begins().await,
            "canary_no_traffic_is_inconclusive" => a_canary_without_traffic_stays(),
            _ => panic!("no scenario for {name}"),
        }
        ran.insert(name);
    }
    assert_eq!(ran.len(), 12);
}

fn a_canary_without_traffic_stays() {
    let start = Instant::now().into_std();
    let policy = CanaryPolicy::linear(Percent::new(10), Percent::new(50), 60 * SECOND);
    let mut canary = Canary::new(policy, start);
    for minute in 0..600 {
        let decision = canary.evaluate(start + minute * 60 * SECOND);
        assert_eq!(decision.weight(), Percent::new(10));
        assert_eq!(matches!(decision.verdict(), Verdict::Hold(_)), minute > 0);
    }
}

fn withdrawals_are_exact_over_threads() {
    const THREADS: usize = 64;
    // A reserve of 10 starts full: 10 retries and no more, as requests earn nothing.
    let budget = RetryBudget::share(Percent::NONE).with_reserve(10);
    let layer = RetryLayer::new(eager(1).with_budget(budget));
    let upstream = Upstream::new();
    let upstream = (0..2 * THREADS).fold(upstream, |u, _| u.then(StatusCode::BAD_GATEWAY));
    let barrier = Arc::new(Barrier::new(THREADS));
    let threads = (0..THREADS).map(|_| {
        let (mut service, barrier) = (layer.layer(upstream.clone()), Arc::clone(&barrier));
        std::thread::spawn(move || {
            barrier.wait();
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_time().build().unwrap();
            runtime.block_on(call(&mut service, empty())).unwrap();
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
    assert_eq!(upstream.calls(), THREADS + 10);
}

async fn a_cancelled_probe_decides_nothing() {
    let breaker = opened();
    advance(OPEN_FOR).await;
    drop(breaker.admit().unwrap());
    assert!(matches!(breaker.state(), CircuitState::HalfOpen));
    assert!(breaker.admit().is_ok(), "its place is free again");
}

async fn late_results_do_not_count_as_probes() {
    let breaker = CircuitBreakerLayer::new(policy());
    let late: Vec<_> = (0..50).map(|_| breaker.admit().unwrap()).collect();
    for _ in 0..5 {
        breaker.admit().unwrap().settle(BAD);
    }
    advance(OPEN_FOR).await;
    let probe = breaker.admit().unwrap();
    for ticket in late {
        ticket.settle(BAD);
    }
    probe.settle(Outcome::SUCCESS);
    assert_eq!(breaker.state(), CircuitState::Closed);
}

async fn readiness_takes_nothing() {
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let breaker = opened();
    advance(OPEN_FOR).await;
    let mut service = limit.layer(breaker.layer(Upstream::new()));
    let waker = std::task::Waker::noop();
    let mut cx = std::task::Context::from_waker(waker);
    let ready = Service::<Request<()>>::poll_ready(&mut service.clone(), &mut cx);
    assert!(ready.is_ready());
    assert_eq!(limit.in_flight(), 0);
    assert!(breaker.admit().is_ok(), "the probe is still to be had");
    drop(start(&mut service, Request::new(())));
}

async fn the_total_covers_the_body() {
    let slow = || {
        let body = Script::default().wait(2 * SECOND).data("late");
        Upstream::new().then_response(Response::new(body))
    };
    let total = TimeoutLayer::new(TimeoutPolicy::total(SECOND));
    let begin = Instant::now();
    let response = send(&mut total.layer(slow())).await;
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(begin.elapsed(), SECOND);

    // The timeout of a try ends with the head; the body is read in peace.
    let per_try = TimeoutLayer::new(TimeoutPolicy::per_try(SECOND));
    let response = send(&mut per_try.layer(slow())).await;
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "late");
}

async fn an_unsent_post_is_sent_again() {
    let tries = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&tries);
    let refused_once = service_fn(move |_: Request<_>| {
        std::future::ready(match seen.fetch_add(1, Ordering::Relaxed) {
            0 => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
            _ => Ok(Response::new(Script::default())),
        })
    });
    let mut service = RetryLayer::new(RetryPolicy::default()).layer(refused_once);
    let mut request = Request::new(String::from("once"));
    *request.method_mut() = http::Method::POST;
    let response = call(&mut service, request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(tries.load(Ordering::Relaxed), 2);
}

async fn the_order_says_what_is_counted() {
    let never_opens = CircuitBreakerPolicy::default().with_consecutive_failures(1_000);
    for (breaker_outside, heard) in [(true, 10), (false, 40)] {
        let breaker = CircuitBreakerLayer::new(never_opens.clone());
        let retry = RetryLayer::new(eager(3).with_budget(RetryBudget::unlimited()));
        let upstream = (0..40).fold(Upstream::new(), |u, _| u.then(StatusCode::BAD_GATEWAY));
        for _ in 0..10 {
            if breaker_outside {
                call(&mut breaker.layer(retry.layer(upstream.clone())), empty())
                    .await
                    .unwrap();
            } else {
                call(&mut retry.layer(breaker.layer(upstream.clone())), empty())
                    .await
                    .unwrap();
            }
        }
        assert_eq!(upstream.calls(), 40);
        assert_eq!(breaker.consecutive_failures(), heard);
    }
}

async fn no_wait_that_cannot_fit_begins() {
    let patient = eager(1).with_backoff(Backoff::constant(2 * SECOND));
    let upstream = Upstream::new().then(StatusCode::BAD_GATEWAY);
    let total = TimeoutLayer::new(TimeoutPolicy::total(SECOND));
    let mut service = total.layer(RetryLayer::new(patient).layer(upstream.clone()));
    let begin = Instant::now();
    let response = call(&mut service, empty()).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!((begin.elapsed(), upstream.calls()), (Duration::ZERO, 1));
}

async fn refusals_of_ours_are_no_failures() {
    let breaker = CircuitBreakerLayer::new(policy());
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let _held = limit.try_acquire().unwrap();
    let mut service = breaker.layer(limit.layer(Upstream::new()));
    for _ in 0..1_000 {
        let response = send(&mut service).await;
        assert!(matches!(
            Rejection::of(&response),
            Some(Rejection::Overflow(_))
        ));
    }
    assert_eq!(breaker.consecutive_failures(), 0);
    assert_eq!(breaker.state(), CircuitState::Closed);

    // Who wants them counted says so.
    let counting = FailureOn::default().with_rejections(true);
    breaker.reconfigure(policy().with_failure_on(counting));
    for _ in 0..5 {
        send(&mut service).await;
    }
    assert!(matches!(breaker.state(), CircuitState::Open { .. }));
}

async fn a_panic_counts_and_gives_back() {
    let breaker = CircuitBreakerLayer::new(policy());
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let panics = service_fn(|_: Request<()>| async {
        panic!("as planned") as Result<Response<Script>, io::Error>
    });
    let mut service = limit.layer(breaker.layer(panics));
    let task = tokio::spawn(async move { call(&mut service, Request::new(())).await });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!((breaker.consecutive_failures(), limit.in_flight()), (1, 0));
}

async fn a_new_policy_leaves_the_circuit_open() {
    let breaker = CircuitBreakerLayer::new(policy());
    let in_flight = breaker.admit().unwrap();
    in_flight.settle(BAD);
    let in_flight = breaker.admit().unwrap();
    breaker.reconfigure(policy().with_consecutive_failures(2));
    in_flight.settle(BAD);
    assert!(
        matches!(breaker.state(), CircuitState::Open { .. }),
        "both count"
    );

    advance(10 * SECOND).await;
    breaker.reconfigure(policy().with_consecutive_failures(9));
    let retry_after = breaker.admit().unwrap_err().retry_after();
    assert_eq!(retry_after, Some(20 * SECOND), "the deadline it began with");
}

fn policy() -> CircuitBreakerPolicy {
    CircuitBreakerPolicy::default().with_ramp(Duration::ZERO)
}

/// Tries again at once, whatever the method, on any 5xx.
fn eager(attempts: u32) -> RetryPolicy {
    RetryPolicy::new(attempts)
        .with_retry_on(RetryOn::none().with(Condition::ServerError))
        .with_backoff(Backoff::constant(Duration::ZERO))
}

/// A request whose body can be sent again.
fn empty() -> Request<String> {
    Request::new(String::new())
}

fn opened() -> CircuitBreakerLayer {
    let breaker = CircuitBreakerLayer::new(policy());
    for _ in 0..5 {
        breaker.admit().unwrap().settle(BAD);
    }
    breaker
}

#[tokio::test(start_paused = true)]
async fn hangs_that_our_timeouts_cut_off_open_the_circuit_inside() {
    let hangs = service_fn(|_: Request<_>| std::future::pending::<io::Result<Response<Script>>>());
    let retry = |per_try| {
        RetryPolicy::off()
            .with_attempts(0)
            .with_per_try_timeout(per_try)
    };
    for (total, per_try) in [(SECOND, Duration::ZERO), (9 * SECOND, SECOND)] {
        let breaker = CircuitBreakerLayer::new(policy());
        let retry = RetryLayer::new(retry(per_try));
        let timeout = TimeoutLayer::new(TimeoutPolicy::total(total));
        let mut service = timeout.layer(retry.layer(breaker.layer(hangs)));
        for _ in 0..5 {
            let response = call(&mut service, empty()).await.unwrap();
            assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
        }
        assert!(
            matches!(breaker.state(), CircuitState::Open { .. }),
            "{total:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_in_a_hurry_says_nothing_about_the_upstream() {
    let hangs = service_fn(|_: Request<()>| std::future::pending::<io::Result<Response<Script>>>());
    let breaker = CircuitBreakerLayer::new(policy());
    let timeout = TimeoutLayer::new(TimeoutPolicy::total(SECOND));
    let mut service = timeout.layer(breaker.layer(hangs));
    for _ in 0..9 {
        let mut request = Request::new(());
        let told = http::HeaderValue::from_static("1");
        request
            .headers_mut()
            .insert("x-envoy-expected-rq-timeout-ms", told);
        let response = call(&mut service, request).await.unwrap();
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    }
    assert_eq!(breaker.consecutive_failures(), 0);

    // Nor does a timeout that is not ours, unless the policy says so.
    let mut service = breaker.layer(hangs);
    for (counts, failures) in [(false, 0), (true, 3)] {
        let failure_on = FailureOn::default().with_abandoned(counts);
        breaker.reconfigure(policy().with_failure_on(failure_on));
        for _ in 0..3 {
            let hurry = tokio::time::timeout(SECOND, call(&mut service, Request::new(())));
            assert!(hurry.await.is_err());
        }
        assert_eq!(breaker.consecutive_failures(), failures);
    }
}
