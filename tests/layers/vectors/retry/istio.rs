use std::time::Duration;

use http::StatusCode;
use meshless::retry::{Backoff, Condition, RetryOn, RetryPolicy};
use serde_json::Value;

use crate::vectors::tally::{Tally, load};

#[test]
fn istio_retry() {
    let mut tally = Tally::default();
    let file = load("istio_retry.json");
    for case in file["cases"].as_array().unwrap() {
        check(case, RetryPolicy::default());
        tally.ran();
    }
    for case in file["inbound_cases"].as_array().unwrap() {
        if case["name"] == "TestIrrelevantFieldsAreIgnored" {
            tally.skipped("which fields count for inbound traffic is for the reader of the YAML");
            continue;
        }
        check(case, RetryPolicy::inbound());
        tally.ran();
    }
    tally.assert(10, 1);
}

/// Reads a retry policy of Istio, and compares what is this layer's; which host is picked is the
/// balancer's.
fn check(case: &Value, default: RetryPolicy) {
    let retries = &case["retries"];
    let mut policy = default;
    let mut unknown = Vec::new();
    if let Some(attempts) = retries["attempts"].as_u64() {
        policy = policy.with_attempts(attempts.try_into().unwrap());
    }
    if let Some(list) = retries["retryOn"].as_str() {
        let (on, others) = RetryOn::parse_known(list);
        // Whoever does not want to go on without them gets an error that names the first.
        assert_eq!(RetryOn::parse(list).err(), others.first().cloned());
        unknown = others.iter().map(|other| other.name().to_owned()).collect();
        policy = policy.with_retry_on(on);
    }
    if let Some(timeout) = retries["perTryTimeout"].as_str() {
        policy = policy.with_per_try_timeout(seconds(timeout));
    }
    if let Some(base) = retries["backoff"].as_str() {
        policy = policy.with_backoff(Backoff::exponential(seconds(base)));
    }

    let name = &case["name"];
    let on = policy.retry_on();
    for (key, expected) in case["expect"].as_object().unwrap() {
        match key.as_str() {
            "num_retries" => assert_eq!(*expected, policy.attempts(), "{name}"),
            "retry_on" => {
                let mut names: Vec<_> = on.conditions().map(Condition::name).collect();
                names.extend(unknown.iter().map(String::as_str));
                let mut expected: Vec<_> = expected.as_str().unwrap().split(',').collect();
                names.sort_unstable();
                expected.sort_unstable();
                assert_eq!(names, expected, "{name}");
            }
            "retriable_status_codes" => {
                let codes: Vec<_> = on.statuses().iter().map(StatusCode::as_u16).collect();
                assert_eq!(*expected, Value::from(codes), "{name}");
            }
            "per_try_timeout" => {
                let expected = expected.as_str().map(seconds);
                assert_eq!(policy.per_try_timeout(), expected, "{name}");
            }
            "backoff_base" => {
                let base = policy.backoff().interval(0);
                assert_eq!(base, seconds(expected.as_str().unwrap()), "{name}");
                assert_eq!(policy.backoff().interval(99), base * 10, "{name}");
            }
            "host_selection_retry_max_attempts" | "retry_host_predicate" | "retry_priority" => {}
            key => panic!("{name}: {key}"),
        }
    }
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.strip_suffix('s').unwrap().parse().unwrap())
}
