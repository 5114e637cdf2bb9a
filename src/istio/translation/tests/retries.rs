//! Translation of `retries`, with Istio's own cases.

use std::path::Path;

use http::StatusCode;
use serde_json::Value;

use super::envoy::seconds;
use super::message;
use crate::istio::api::http_route::Retries;
use crate::istio::translation::settings::retries;
use crate::policies::retry::Condition;

#[test]
fn retries_are_translated_as_istio_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/istio_retry.json");
    let text = std::fs::read_to_string(path).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        check(case);
    }
    // The three inbound cases cover Istio's retries in front of the application, which no document
    // configures.
    assert_eq!(cases.len(), 8);
}

fn check(case: &Value) {
    let policy = retries(message::<Retries>(&case["retries"]).as_ref());
    let expected = &case["expect"];
    if expected.is_null() {
        return assert_eq!(policy.attempts(), 0, "{case}");
    }
    if let Some(attempts) = expected["num_retries"].as_u64() {
        assert_eq!(u64::from(policy.attempts()), attempts, "{case}");
    }
    if let Some(list) = expected["retry_on"].as_str() {
        // Unknown names are rejected by the validation.
        let mut wanted: Vec<_> = list.split(',').filter_map(Condition::from_name).collect();
        let mut found: Vec<_> = policy.retry_on().conditions().collect();
        wanted.sort_unstable_by_key(|condition| condition.name());
        found.sort_unstable_by_key(|condition| condition.name());
        assert_eq!(found, wanted, "{case}");
    }
    if let Some(codes) = expected["retriable_status_codes"].as_array() {
        let found: Vec<_> = policy
            .retry_on()
            .statuses()
            .iter()
            .map(StatusCode::as_u16)
            .collect();
        assert_eq!(Value::from(codes.clone()), Value::from(found), "{case}");
    }
    if let Some(timeout) = seconds(&expected["per_try_timeout"]) {
        assert_eq!(policy.per_try_timeout(), Some(timeout), "{case}");
    }
    if let Some(base) = seconds(&expected["backoff_base"]) {
        assert_eq!(policy.backoff().interval(0), base, "{case}");
    }
}
