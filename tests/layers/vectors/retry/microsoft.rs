//! `Microsoft.Extensions.Http.Resilience`: what is transient, when to come back, what is sent twice, and
//! which pipelines make no sense.

use std::time::{Duration, SystemTime};

use http::Method;
use meshless::circuit_breaker::{CircuitBreakerPolicy, Window};
use meshless::mesh::{StackWarning, outbound};
use meshless::outcome::ErrorClassifier;
use meshless::retry::{Backoff, Jitter, RetryLayer, RetryOn, RetryPolicy};
use meshless::timeout::TimeoutPolicy;
use meshless::{Failure, Outcome, Percent, Rejection};
use serde_json::Value;

use super::Dice;
use super::server::{Reset, Tries, response};
use crate::vectors::rate_limit::array;
use crate::vectors::tally::{Tally, load};

const SEED: u64 = 7;

#[tokio::test(start_paused = true)]
async fn microsofts_http_resilience() {
    let mut tally = Tally::default();
    for group in array(&load("ms_http_resilience.json")["groups"]) {
        for case in array(&group["cases"]) {
            match group["name"].as_str().unwrap() {
                "pipeline_validation" if is_about_its_window(case) => {
                    tally.foreign("a check of the circuit breaker's window against the tries");
                    continue;
                }
                "pipeline_validation" => pipeline(case),
                "retry_after" => retry_after(case).await,
                "transient_errors" if case["input"]["strategy"] == "hedging" => {
                    tally.foreign("hedging");
                    continue;
                }
                "transient_errors" | "transient_status" => transient(case).await,
                "unsafe_methods_disabled"
                    if ["PUT", "DELETE"]
                        .map(Value::from)
                        .contains(&case["input"]["method"]) =>
                {
                    tally.skipped("PUT and DELETE are idempotent by RFC 9110, and sent twice");
                    continue;
                }
                "unsafe_methods_disabled" => method(case).await,
                other => panic!("{other}"),
            }
            tally.ran();
        }
    }
    tally.assert_with_foreign(15, 1, 3);
}

/// Says whether nothing but the circuit breaker's window is wrong with a pipeline.
fn is_about_its_window(case: &Value) -> bool {
    let seconds = |key: &str| case["input"][key].as_f64().unwrap();
    seconds("sampling_s") < 2.0 * seconds("attempt_s")
}

fn pipeline(case: &Value) {
    let seconds = |key: &str| Duration::from_secs_f64(case["input"][key].as_f64().unwrap());
    let breaker = CircuitBreakerPolicy::default()
        .with_failure_rate(Percent::new(10))
        .with_window(Window::Time(seconds("sampling_s")));
    let findings = outbound()
        .with_timeout(TimeoutPolicy::total(seconds("total_s")))
        .with_retry(RetryPolicy::default().with_per_try_timeout(seconds("attempt_s")))
        .with_circuit_breaker(breaker)
        .lint();
    // A try that may take as long as all of them is an equal to Microsoft; Envoy ignores its limit, and
    // ours says so.
    let wrong = findings.iter().filter(|finding| {
        !matches!(finding, StackWarning::PerTryTimeoutIgnored { per_try, total } if per_try == total)
    });
    let expected = case["expect"]["errors"].as_u64().unwrap_or(0);
    assert_eq!(wrong.count() as u64, expected, "{case}: {findings:?}");
    assert_eq!(case["expect"]["valid"], expected == 0);
}

/// Microsoft's standard: every 5xx, 408, 429, and failures of the transport. An error that nobody knows
/// is such a failure to ours, unless it is told.
fn standard() -> RetryPolicy {
    let on = RetryOn::parse("5xx,408,429").unwrap();
    let unknown = Outcome::Failed(Failure::Other);
    RetryPolicy::new(1)
        .with_retry_on(on.with_predicate(move |outcome, _| (outcome == unknown).then_some(false)))
        .with_backoff(Backoff::constant(Duration::ZERO))
        .with_error_classifier(ErrorClassifier::new(|reset: &Reset| Some(reset.0)))
}

async fn transient(case: &Value) {
    let answer = if let Some(status) = case["input"]["status"].as_u64() {
        Ok(response([(":status", status.to_string().as_str())]))
    } else {
        match case["input"]["error"].as_str().unwrap() {
            "invalid_cast" => Err(Reset(Failure::Other)),
            "timeout_rejected" => {
                let mut response = response([(":status", "504")]);
                let rejection = Rejection::TimedOut(Duration::from_secs(1));
                response.extensions_mut().insert(rejection);
                Ok(response)
            }
            other => panic!("{other}"),
        }
    };
    let layer = RetryLayer::new(standard());
    let retried = Tries::begin(&layer, Method::GET).await.end(answer).await;
    assert_eq!(case["expect"]["transient"], retried.is_some(), "{case}");
}

async fn retry_after(case: &Value) {
    let expected = Duration::from_secs(case["expect"]["delay_s"].as_u64().unwrap());
    let layer = RetryLayer::new(standard().with_retry_after(2 * expected)).with_seed(SEED);
    let date = |time| httpdate::fmt_http_date(time);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let after = match case["input"]["header_date_minus_now_s"].as_u64() {
        Some(seconds) => date(now + Duration::from_secs(seconds)),
        None => case["input"]["header"].as_str().unwrap().to_owned(),
    };
    let headers = [
        (":status", "503"),
        ("date", &date(now)),
        ("retry-after", &after),
    ];
    let answer = Ok(response(headers));
    let waited = Tries::begin(&layer, Method::GET).await.end(answer).await;
    assert_eq!(case["expect"]["parsed"], true);
    // Up to half as much again, so that not everybody comes back in the same moment.
    let late = Backoff::constant(expected).with_jitter(Jitter::Above(Percent::new(50)));
    let late = late.delay(0, None, Dice(SEED).roll());
    let waited = waited.unwrap();
    assert!(
        late <= waited && waited <= late + Duration::from_millis(1),
        "{case}"
    );
}

async fn method(case: &Value) {
    let method = case["input"]["method"].as_str().unwrap().parse().unwrap();
    let layer = RetryLayer::new(standard());
    let answer = Ok(response([(":status", "500")]));
    let retried = Tries::begin(&layer, method).await.end(answer).await;
    assert_eq!(case["expect"]["retry_allowed"], retried.is_some(), "{case}");
}
