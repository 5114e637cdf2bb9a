//! The standard retry mode of AWS's SDKs: delays, the quota of retries, and what counts as transient.

mod bucket;

use std::time::Duration;

use http::{Method, StatusCode};
use meshless::outcome::ErrorClassifier;
use meshless::retry::{Backoff, Condition, Jitter, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use meshless::{Failure, Percent};
use serde_json::Value;
use tokio::time::Instant;

use super::ms;
use super::server::{Reset, Tries, response};
use crate::vectors::rate_limit::{array, number};
use crate::vectors::tally::{Tally, load};

#[tokio::test(start_paused = true)]
async fn aws_retry() {
    let file = load("aws_retry.json");
    let mut tally = Tally::default();
    for group in array(&file["groups"]) {
        for case in array(&group["cases"]) {
            println!("{}", case["name"]);
            let foreign = foreign(group["name"].as_str().unwrap(), case);
            if let Some(what) = foreign {
                tally.foreign(what);
                continue;
            }
            match group["name"].as_str().unwrap() {
                "backoff_table" => backoff(case),
                "client_rate_limiter" => bucket::waits(case),
                "first_try_refund" => refund(case).await,
                "quota" => bucket::quota(case),
                "standard_sequences" => sequence(case).await,
                "token_bucket" => bucket::over_time(case).await,
                "transient_classification" => transient(case).await,
                other => panic!("{other}"),
            }
            tally.ran();
        }
    }
    tally.assert_with_foreign(26, 0, 18);
}

/// Says what a case is of that this crate does not have.
fn foreign(group: &str, case: &Value) -> Option<&'static str> {
    const ADAPTS: &str = "a client whose rate adapts to what it is refused";
    const CODES: &str = "AWS's error codes, which stand in the body";
    let steps = array(&case["steps"]).iter();
    match group {
        "cubic" => Some(ADAPTS),
        "client_rate_limiter" if !case["config"]["beta"].is_null() => Some(ADAPTS),
        "retry_after_clamp_2_1" => Some("AWS's own header, in milliseconds"),
        "throttle_classification" => Some(CODES),
        "transient_classification" => {
            let input = &case["input"];
            (input["status"] == 400 && input["code"].is_string()).then_some(CODES)
        }
        "standard_sequences" => {
            let mut results = steps.map(|step| &step["result"]);
            let held_back = results.any(|result| result == "stop_after_delay");
            held_back.then_some("an answer that is held back, since a poll is to follow it")
        }
        _ => None,
    }
}

fn backoff(case: &Value) {
    let (input, expected) = (&case["input"], array(&case["expect_s"]));
    let seconds = |value: &Value| Duration::from_secs(number(value));
    let backoff = Backoff::exponential(seconds(&input["base_s"]))
        .with_cap(seconds(&input["max_s"]))
        .with_jitter(Jitter::None);
    for (attempt, expected) in array(&input["attempts"]).iter().zip(expected) {
        let retry = u32::try_from(number(attempt)).unwrap() - 1;
        assert_eq!(backoff.delay(retry, None, 0), seconds(expected), "{case}");
    }
}

/// AWS's quota is a number of retries that are lent out and come back with success: gRPC's tokens, of
/// which only the upper half can be spent. One that fails for good takes another here, which is not
/// looked at.
fn quota(retries: u64, per_success: Percent) -> RetryBudget {
    RetryBudget::throttle(u32::try_from(2 * retries + 1).unwrap(), per_success)
}

/// What AWS takes for transient.
fn on() -> RetryOn {
    let on = RetryOn::none()
        .with(Condition::ConnectFailure)
        .with(Condition::Reset);
    let statuses = [500, 502, 503, 504].map(|status| StatusCode::from_u16(status).unwrap());
    statuses.into_iter().fold(on, RetryOn::with_status)
}

async fn sequence(case: &Value) {
    let config = &case["config"];
    let max = ms(&config["max_ms"]);
    let backoff = Backoff::exponential(ms(&config["base_ms"]))
        .with_cap(max)
        .with_jitter(Jitter::None);
    let retries = number(&config["capacity"]) / number(&config["cost"]);
    let policy = RetryPolicy::new(u32::try_from(number(&config["max_attempts"])).unwrap() - 1)
        .with_retry_on(on())
        .with_backoff(backoff)
        .with_retry_after(max)
        .with_budget(quota(retries, Percent::ALL));
    let layer = RetryLayer::new(policy);
    let mut tries = Tries::begin(&layer, Method::GET).await;
    for step in array(&case["steps"]) {
        if step["new_call"] == true {
            tries = Tries::begin(&layer, Method::GET).await;
            continue;
        }
        let (status, rest) = step["resp"].as_str().unwrap().split_at(3);
        let mut answer = response([(":status", status)]);
        if let Some(seconds) = rest.strip_prefix(" retry_after=") {
            let seconds = seconds.strip_suffix('s').unwrap().parse().unwrap();
            answer.headers_mut().insert("retry-after", seconds);
        }
        let began = Instant::now();
        let waited = tries.end(Ok(answer)).await;
        match step["result"].as_str().unwrap() {
            "retry" => assert_eq!(waited, Some(ms(&step["delay_ms"])), "{case}: {step}"),
            "done" | "stop" => {
                assert_eq!(waited, None, "{case}: {step}");
                assert_eq!(began.elapsed(), Duration::ZERO, "{case}: {step}");
            }
            other => panic!("{other}"),
        }
    }
}

/// Calls that succeed at once bring back what a call took that came to nothing.
async fn refund(case: &Value) {
    let config = &case["config"];
    let cost = number(&config["transient_cost"]);
    let retries = number(&config["capacity"]) / cost;
    let per_success = Percent::ratio(number(&config["first_try_refund"]), cost);
    let policy = RetryPolicy::new(10)
        .with_retry_on(on())
        .with_backoff(Backoff::constant(Duration::ZERO))
        .with_budget(quota(retries, per_success))
        .with_error_classifier(ErrorClassifier::new(|reset: &Reset| Some(reset.0)));
    let layer = RetryLayer::new(policy);
    let mut tries = Tries::begin(&layer, Method::GET).await;
    let mut attempts = 0;
    for step in array(&case["steps"]) {
        match step["resp"].as_str() {
            Some("transient_error") => {
                let again = tries.end(Err(Reset(Failure::Reset))).await.is_some();
                assert_eq!(step["result"], if again { "retry" } else { "stop" });
                attempts += 1;
            }
            Some("200 first-try") => {
                for _ in 0..number(&step["times"]) {
                    let mut first = Tries::begin(&layer, Method::GET).await;
                    let answer = response([(":status", "200")]);
                    let again = first.end(Ok(answer)).await.is_some();
                    assert_eq!(step["result"], if again { "retry" } else { "done" });
                    attempts += 1;
                }
            }
            // The last try that it paid for comes to no end.
            _ => attempts += u64::from(step["forget_permit"] == true),
        }
    }
    assert_eq!(case["expect"]["attempt_counter"], attempts);
    assert_eq!(case["expect"]["quota_after"], config["capacity"]);
    let mut granted = 0;
    let mut again = Tries::begin(&layer, Method::GET).await;
    while again.end(Err(Reset(Failure::Reset))).await.is_some() {
        granted += 1;
    }
    assert_eq!(granted, retries);
}

async fn transient(case: &Value) {
    let policy = RetryPolicy::new(1)
        .with_retry_on(on())
        .with_error_classifier(ErrorClassifier::new(|reset: &Reset| Some(reset.0)));
    let mut tries = Tries::begin(&RetryLayer::new(policy), Method::GET).await;
    let answer = match &case["input"]["status"] {
        Value::String(_) => Err(Reset(Failure::Closed)),
        status => Ok(response([(":status", status.to_string().as_str())])),
    };
    let retried = tries.end(answer).await.is_some();
    assert_eq!(case["expect"]["transient"], retried, "{case}");
}
