//! Finagle's retry budget and failure accrual.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use meshless::Percent;
use meshless::circuit_breaker::{CircuitBreakerPolicy, CircuitState, Window};
use meshless::retry::{
    Backoff, Condition, ReplayBody, RetryBudget, RetryLayer, RetryOn, RetryPolicy,
};
use serde_json::Value;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

use crate::vectors::bench::{BAD, Bench, GOOD, outcomes, rates};
use crate::vectors::rate_limit::{array, number};
use crate::vectors::tally::{Tally, load};

#[tokio::test(start_paused = true)]
async fn finagle() {
    let file = load("finagle.json");
    let mut tally = Tally::default();
    for group in array(&file["groups"]) {
        for case in array(&group["cases"]) {
            let played = match group["name"].as_str().unwrap() {
                "retry_budget" => retry_budget(case).await,
                "failure_accrual" => failure_accrual(case).await,
                "nack_admission" => Err("a client that turns its own requests away by chance"),
                other => panic!("{other}"),
            };
            match played {
                Ok(()) => tally.ran(),
                Err(what) => tally.foreign(what),
            }
        }
    }
    tally.assert_with_foreign(13, 0, 7);
}

/// Plays a case, or says what it is of that this crate does not have.
type Played = Result<(), &'static str>;

async fn retry_budget(case: &Value) -> Played {
    let (config, expect) = (&case["config"], &case["expect"]);
    if expect["error"] == true {
        return Err("arguments that can be wrong: there is no lifetime, and no number below 0");
    }
    let percent = config["percent"].as_f64().unwrap() * 100.0;
    if percent > 100.0 {
        return Err("a budget of more retries than requests");
    }
    // What a second saves of its own accord is saved before the first request there.
    let reserve = number(&config["ttl_s"]) * number(&config["min_per_s"]);
    assert_eq!(expect["initial_balance"], reserve, "{case}");
    let budget = RetryBudget::share(Percent::from_f64(percent))
        .with_reserve(u16::try_from(reserve).unwrap());
    let requests = number(&case["input"]["requests"]);
    let retried = retries(budget, requests).await;
    let off = retried.abs_diff(number(&expect["retried"]));
    assert!(off <= number(&expect["tolerance"]), "{retried} in {case}");
    Ok(())
}

/// Returns how often requests are repeated that all fail, in no time.
async fn retries(budget: RetryBudget, requests: u64) -> u64 {
    let policy = RetryPolicy::new(1)
        .with_retry_on(RetryOn::none().with(Condition::Reset))
        .with_backoff(Backoff::constant(Duration::ZERO))
        .with_budget(budget);
    let tries = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&tries);
    let service = RetryLayer::new(policy).layer(service_fn(move |_: Request<ReplayBody<_>>| {
        counter.fetch_add(1, Ordering::Relaxed);
        let error = io::Error::from(io::ErrorKind::ConnectionReset);
        std::future::ready(Err::<Response<Empty<Bytes>>, _>(error))
    }));
    let began = Instant::now();
    for _ in 0..requests {
        let request = Request::new(Empty::<Bytes>::new());
        service.clone().oneshot(request).await.unwrap_err();
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    u64::from(tries.load(Ordering::Relaxed)) - requests
}

async fn failure_accrual(case: &Value) -> Played {
    let config = &case["config"];
    if case["expect"]["backoff_restarts"] == true {
        backoff().await;
        return Ok(());
    }
    if config["a"].is_string() {
        both(case).await;
        return Ok(());
    }
    if config["window_requests"].is_u64() {
        return Err("an average that fades: a window counts or forgets");
    }
    let policy = if config["consecutive"].is_u64() {
        in_a_row(number(&config["consecutive"]), &config["dead_ms"])
    } else if config["hybrid"].is_string() {
        assert_eq!(config["hybrid"], "consecutive 3 orElse sr 0.8/30s");
        in_a_row(3, &Value::Null).with_failure_rate(Percent::new(20))
    } else {
        // Below a rate of successes, so from the smallest rate of failures that is more.
        let failures = Percent::from_f64(100.0 - config["success_rate"].as_f64().unwrap() * 100.0);
        rates()
            .with_failure_rate(Percent::per_million(failures.millionths() + 1))
            .with_minimum_calls(u32::try_from(number(&config["min_requests"])).unwrap())
            .with_window(Window::Time(Duration::from_secs(number(
                &config["window_s"],
            ))))
    };
    let bench = Bench::new(policy);
    let ops = case["ops"].as_str().unwrap();
    let ops = ops.strip_prefix("+30s").unwrap_or(ops).replace(' ', "");
    let mut dead = Vec::new();
    for outcome in outcomes(&ops) {
        assert!(bench.quick(outcome), "{case}");
        if outcome == BAD {
            dead.push(dead_for(&bench));
        }
    }
    let expect = &case["expect"];
    if expect["dead_after"].is_array() {
        assert_eq!(expect["dead_after"], Value::from(dead), "{case}");
    } else {
        let first = dead.iter().position(Option::is_some).unwrap() + 1;
        assert_eq!(expect["first_dead_failure_index"], first, "{case}");
    }
    Ok(())
}

fn in_a_row(failures: u64, dead_ms: &Value) -> CircuitBreakerPolicy {
    let dead = Duration::from_millis(dead_ms.as_u64().unwrap_or(5_000));
    let policy = rates().with_consecutive_failures(u32::try_from(failures).unwrap());
    policy.with_open_for(dead)
}

/// How long nobody gets through, in milliseconds.
fn dead_for(bench: &Bench) -> Option<u64> {
    match bench.layer.state() {
        CircuitState::Open { remaining, .. } => Some(u64::try_from(remaining.as_millis()).unwrap()),
        _ => None,
    }
}

/// Each time in a row is longer; a good call ends the row.
async fn backoff() {
    let second = Duration::from_secs(1);
    let policy = in_a_row(1, &Value::Null).with_growth(2.0);
    let bench = Bench::new(policy.with_max_open_for(60 * second));
    let mut since = Duration::ZERO;
    for _ in 0..2 {
        for expected in [5, 10, 20, 40, 60, 60] {
            assert!(bench.quick(BAD));
            assert_eq!(dead_for(&bench), Some(expected * 1_000));
            since += second * u32::try_from(expected).unwrap();
            bench.at(since).await;
        }
        assert!(bench.quick(GOOD));
    }
}

/// One circuit breaker around another: nobody gets through until both let him.
async fn both(case: &Value) {
    let config = &case["config"];
    let benches = ["a", "b"].map(|name| match config[name].as_str().unwrap() {
        "consec 3 -> 5s" => Bench::new(in_a_row(3, &5_000.into())),
        "consec 3 -> 10s" => Bench::new(in_a_row(3, &10_000.into())),
        other => panic!("{other}"),
    });
    let [outer, inner] = &benches;
    let began = Instant::now();
    let call = |outcome| {
        let tickets = (outer.layer.admit().ok()?, inner.layer.admit().ok()?);
        tickets.0.settle(outcome);
        tickets.1.settle(outcome);
        Some(())
    };
    for _ in 0..3 {
        call(BAD).unwrap();
    }
    while call(GOOD).is_none() {
        tokio::time::advance(Duration::from_millis(500)).await;
    }
    let dead = u64::try_from(began.elapsed().as_millis()).unwrap();
    assert_eq!(case["expect"]["dead_after"][2], dead);
}
