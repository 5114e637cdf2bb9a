//! Errors name the setting, the value and the remedy; the format adds where it stands.

use meshless::circuit_breaker::{CircuitBreakerPolicy, FailureOn};
use meshless::fault_injection::FaultInjectionPolicy;
use meshless::load_balance::LoadBalancePolicy;
use meshless::mesh::OutboundPolicy;
use meshless::outlier_detection::OutlierDetectionPolicy;
use meshless::rate_limit::{Key, RateLimitPolicy};
use meshless::retry::{RetryBudget, RetryOn, RetryPolicy};
use meshless::traffic_split::TrafficSplitPolicy;
use serde::de::DeserializeOwned;

/// Returns the error of a text in JSON, without the place that serde_json adds.
fn error<T: DeserializeOwned>(json: &str) -> String {
    let Err(error) = serde_json::from_str::<T>(json) else {
        panic!("{json} is valid");
    };
    let text = error.to_string();
    let (text, _) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
    text.to_owned()
}

#[test]
fn a_bad_value_is_an_error_with_its_path_and_its_remedy() {
    for (json, expected) in [
        (
            r#"{"circuit_breaker": {"open_for": 30}}"#,
            "circuit_breaker.open_for: `30` is not a duration: write numbers with their units, such \
             as `500ms`, `1.5s` or `1m30s`",
        ),
        (
            r#"{"circuit_breaker": {"open_for": "-1s"}}"#,
            "circuit_breaker.open_for: `-1s`: must not be negative",
        ),
        (
            r#"{"circuit_breaker": {"jitter": "110%"}}"#,
            "circuit_breaker.jitter: `110%`: must be from 0 to 100",
        ),
        (
            r#"{"circuit_breaker": {"jitter": 0.00001}}"#,
            "circuit_breaker.jitter: `1e-5`: must be a multiple of 0.0001",
        ),
        (
            r#"{"circuit_breaker": {"window": {"count": 0}}}"#,
            "circuit_breaker.window.count: must be from 1 to 1000000",
        ),
        (
            r#"{"circuit_breaker": {"window": {"count": 1, "time": "1s"}}}"#,
            "circuit_breaker.window: `count` and `time` exclude each other",
        ),
        (
            r#"{"circuit_breaker": {"growth": 0.5}}"#,
            "circuit_breaker.growth: `0.5`: must be 1 or more",
        ),
        (
            r#"{"circuit_breaker": {"probes": {"successes": 1001}}}"#,
            "circuit_breaker.probes.successes: must be from 1 to 1000",
        ),
        (
            r#"{"circuit_breaker": {"failure_on": {"grpc": ["UNAVAILABLE", "BUSY"]}}}"#,
            "circuit_breaker.failure_on.grpc[1]: `BUSY` is not a gRPC status: write its name, such \
             as `UNAVAILABLE`, or its number from 0 to 16",
        ),
        (
            r#"{"retry": {"retry_on": "5xx,conect-failure"}}"#,
            "retry.retry_on: `conect-failure` is not a retry condition; did you mean \
             `connect-failure`?",
        ),
        (
            r#"{"retry": {"backoff": "fast"}}"#,
            "retry.backoff: `fast` is not a backoff: there are `constant`, `exponential`, `linear`",
        ),
        (
            r#"{"retry": {"backoff": "constant"}}"#,
            "retry.backoff: `constant` needs its settings: write a map from it to them",
        ),
        (
            r#"{"retry": {"backoff": {"constant": {}}}}"#,
            "retry.backoff.constant.delay: is missing",
        ),
        (
            r#"{"retry": {"attempts": 4294967296}}"#,
            "retry.attempts: `4294967296`: must be from 0 to 4294967295",
        ),
        (
            r#"{"rate_limit": {"status": 200}}"#,
            "rate_limit.status: must be 400 or more",
        ),
        (
            r#"{"rate_limit": {"share": {"part": 4, "whole": 3}}}"#,
            "rate_limit.share.part: must be at most `whole`, which must not be 0",
        ),
        (
            r#"{"timeout": {"incoming": "yes"}}"#,
            "timeout.incoming: `yes` is not a truth value: write `true` or `false`",
        ),
        (
            r#"{"timeout": {"extent": "body"}}"#,
            "timeout.extent: `body` is not an extent of a timeout: there are `response` `head` `attempt`",
        ),
    ] {
        assert_eq!(error::<OutboundPolicy>(json), expected, "{json}");
    }
}

#[test]
fn an_unknown_setting_is_an_error_that_knows_the_right_one() {
    let json = r#"{"retry": {"perTryTimeout": "1s"}}"#;
    assert_eq!(
        error::<OutboundPolicy>(json),
        "retry: unknown setting `perTryTimeout`; did you mean `per_try_timeout`?"
    );
    let json = r#"{"limit": "off", "rate": 5, "key": "global"}"#;
    let text = error::<RateLimitPolicy>(json);
    assert!(
        text.starts_with("unknown setting `rate`; there are `limit`, `key`, "),
        "{text}"
    );
    let json = r#"{"dry_run": true, "dry_run": false}"#;
    assert_eq!(
        error::<CircuitBreakerPolicy>(json),
        "`dry_run` is there twice"
    );
}

#[test]
fn rules_about_several_settings_hold() {
    let json = r#"{"abort": {"percentage": 5, "http_status": 503, "grpc_status": 14}}"#;
    assert_eq!(
        error::<FaultInjectionPolicy>(json),
        "abort.http_status: and `grpc_status` exclude each other"
    );
    let json = r#"{"hosts": [{"routes": [{"destinations": [
        {"host": "a", "weight": 0}, {"host": "b", "weight": 0}
    ]}]}]}"#;
    assert_eq!(
        error::<TrafficSplitPolicy>(json),
        "hosts[0].routes[0].destinations: all weights are 0"
    );
    let json = r#"{"slow_start": {"aggression": 0}}"#;
    assert_eq!(
        error::<LoadBalancePolicy>(json),
        "slow_start.aggression: must be above 0"
    );
    let json = r#"{"interval": "1us"}"#;
    assert_eq!(
        error::<OutlierDetectionPolicy>(json),
        "interval: must be 1ms or more"
    );
}

#[test]
fn the_format_adds_the_place() {
    let json = "{\n  \"open_for\": \"soon\"\n}";
    let error = serde_json::from_str::<CircuitBreakerPolicy>(json).unwrap_err();
    assert_eq!(error.line(), 2);
    let toml = "dry_run = false\nopen_for = \"soon\"";
    let error = toml::from_str::<CircuitBreakerPolicy>(toml).unwrap_err();
    assert_eq!(&toml[error.span().unwrap()], "\"soon\"");
    let yaml = "dry_run: false\nopen_for: soon";
    let error = serde_saphyr::from_str::<CircuitBreakerPolicy>(yaml).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("open_for: `soon` is not a duration"),
        "{text}"
    );
}

#[test]
fn a_function_cannot_be_written() {
    let own = FailureOn::default().with_classifier(|_| None);
    let breaker = CircuitBreakerPolicy::default().with_failure_on(own);
    let limit = RateLimitPolicy::per_second(1);
    let key = limit.clone().with_key(Key::function(|_| 1));
    let predicate = RetryOn::istio().with_predicate(|_, _| None);
    let shared = RetryBudget::default().shared();
    let function = "a function cannot be written; set it in code, after the policy is read";
    for (written, field, reason) in [
        (
            serde_json::to_string(&breaker),
            "failure_on.classifier",
            function,
        ),
        (
            serde_json::to_string(&limit.with_cost(|_| 2)),
            "cost",
            function,
        ),
        (serde_json::to_string(&key), "key", function),
        (
            serde_json::to_string(&RetryPolicy::default().with_retry_on(predicate)),
            "retry_on.predicate",
            function,
        ),
        (
            serde_json::to_string(&RetryPolicy::default().with_budget(shared)),
            "budget",
            "a budget that is shared cannot be written; share it in code",
        ),
        (
            serde_json::to_string(&FaultInjectionPolicy::off().with_match(|_| true)),
            "match",
            function,
        ),
    ] {
        assert_eq!(
            written.unwrap_err().to_string(),
            format!("{field}: {reason}")
        );
    }
}
