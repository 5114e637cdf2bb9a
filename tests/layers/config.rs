//! Policies in a configuration: what is read, what is written, and the errors of what is not valid.

mod errors;
mod round_trip;

use std::fmt::Debug;
use std::time::Duration;

use http::{HeaderName, StatusCode};
use meshless::Percent;
use meshless::circuit_breaker::{CircuitBreakerPolicy, Window};
use meshless::concurrency_limit::ConcurrencyLimitPolicy;
use meshless::fault_injection::{Abort, FaultInjectionPolicy};
use meshless::load_balance::LoadBalancePolicy;
use meshless::mesh::{InboundPolicy, OutboundPolicy};
use meshless::mirror::MirrorPolicy;
use meshless::outlier_detection::OutlierDetectionPolicy;
use meshless::rate_limit::{Key, RateLimitPolicy};
use meshless::retry::{Backoff, Condition, RetryOn, RetryPolicy};
use meshless::telemetry::{Propagation, TracePolicy};
use meshless::timeout::TimeoutPolicy;
use meshless::traffic_split::TrafficSplitPolicy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

fn of_json<T: DeserializeOwned>(value: Value) -> T {
    let text = value.to_string();
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn json_of<T: Serialize>(policy: &T) -> Value {
    serde_json::to_value(policy).unwrap()
}

fn same<T: Debug>(found: &T, expected: &T) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}

#[test]
fn the_same_policy_is_read_from_json_toml_and_yaml() {
    let expected = CircuitBreakerPolicy::default()
        .with_consecutive_failures(3)
        .with_failure_rate(Percent::from_f64(12.5))
        .with_open_for(90 * SECOND)
        .with_window(Window::Count(50));
    let json = r#"{
        "consecutive_failures": 3, "failure_rate": 12.5, "open_for": "1m30s", "window": {"count": 50}
    }"#;
    let toml = "
        consecutive_failures = 3
        failure_rate = \"12.5%\"
        open_for = \"1m 30s\"
        window = { count = 50 }
    ";
    let yaml = "
        consecutive_failures: 3
        failure_rate: 12.5 %
        open_for: 90s
        window: {count: 50}
    ";
    assert_eq!(
        serde_json::from_str::<CircuitBreakerPolicy>(json).unwrap(),
        expected
    );
    assert_eq!(
        toml::from_str::<CircuitBreakerPolicy>(toml).unwrap(),
        expected
    );
    assert_eq!(
        serde_saphyr::from_str::<CircuitBreakerPolicy>(yaml).unwrap(),
        expected
    );
}

#[test]
fn a_default_policy_is_written_with_every_setting() {
    let written = json_of(&CircuitBreakerPolicy::default());
    let expected = json!({
        "consecutive_failures": 5,
        "failure_rate": "0%",
        "slow_calls": {"rate": "0%", "slower_than": "0s"},
        "window": {"time": "30s"},
        "minimum_calls": 20,
        "failure_on": {
            "server_errors": true,
            "gateway_errors": true,
            "too_many_requests": false,
            "grpc": [
                "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
            ],
            "connect_failures": true,
            "resets": true,
            "timeouts": true,
            "broken_bodies": true,
            "other_errors": true,
            "abandoned": false,
            "rejections": false,
        },
        "open_for": "30s",
        "max_open_for": "5m",
        "growth": 2.0,
        "jitter": "10%",
        "probes": {
            "successes": 1, "failures": 1, "at_once": 1, "lease": "30s", "batch_evaluation": false,
        },
        "ramp": "10s",
        "dry_run": false,
    });
    assert_eq!(written, expected);
}

#[test]
fn an_empty_configuration_is_the_default_of_each_policy() {
    fn holds<T: Debug + Default + DeserializeOwned + Serialize>() {
        let (empty, default): (T, T) = (of_json(json!({})), T::default());
        same(&empty, &default);
        // The whole default says the same as nothing.
        same(&of_json::<T>(json_of(&default)), &default);
    }
    holds::<CircuitBreakerPolicy>();
    holds::<ConcurrencyLimitPolicy>();
    holds::<FaultInjectionPolicy>();
    holds::<InboundPolicy>();
    holds::<LoadBalancePolicy>();
    holds::<MirrorPolicy>();
    holds::<OutboundPolicy>();
    holds::<OutlierDetectionPolicy>();
    holds::<RateLimitPolicy>();
    holds::<RetryPolicy>();
    holds::<TimeoutPolicy>();
    holds::<TracePolicy>();
    holds::<TrafficSplitPolicy>();
    #[cfg(feature = "hyper")]
    holds::<meshless::pool::PoolPolicy>();
    #[cfg(feature = "dns")]
    holds::<meshless::dns::DnsPolicy>();
}

#[test]
fn a_stack_keeps_its_own_default_of_what_is_absent() {
    let outbound: OutboundPolicy = of_json(json!({
        "timeout": {"idle": "5s"},
        "concurrency_limit": {"max_in_flight": 64},
    }));
    let default = OutboundPolicy::default();
    assert_eq!(outbound.timeout, default.timeout.with_idle(5 * SECOND));
    let limit = default.concurrency_limit.with_max_in_flight(64);
    assert_eq!(outbound.concurrency_limit, limit);
    assert_eq!(outbound.retry, RetryPolicy::default());
}

#[test]
fn settings_are_read_as_one_writes_them() {
    let retry = of_json::<RetryPolicy>(json!({
        "attempts": 3,
        "retry_on": "connect-failure,503",
        "backoff": {"exponential": {"base": "10ms"}},
        "per_try_timeout": "2s",
        "replay_limit": "256KiB",
        "max_parallel": "none",
        "budget": "unlimited",
    }));
    let on = RetryOn::none()
        .with(Condition::ConnectFailure)
        .with_status(StatusCode::SERVICE_UNAVAILABLE);
    let expected = RetryPolicy::new(3)
        .with_retry_on(on)
        .with_backoff(Backoff::exponential(Duration::from_millis(10)))
        .with_per_try_timeout(2 * SECOND)
        .with_replay_limit(256 << 10)
        .with_budget(meshless::retry::RetryBudget::unlimited());
    assert_eq!(retry, expected);

    let limit = of_json::<RateLimitPolicy>(json!({
        "limit": {"per_minute": 20},
        "key": {"header": "x-api-key"},
        "enforced": 0,
        "max_wait": "none",
    }));
    let key = Key::header(HeaderName::from_static("x-api-key"));
    let expected = RateLimitPolicy::per_minute(20)
        .with_key(key)
        .with_enforced(Percent::NONE)
        .with_name(String::from("default"));
    same(&limit, &expected);

    let fault = of_json::<FaultInjectionPolicy>(json!({
        "abort": {"percentage": 5, "http_status": 503},
    }));
    let abort = Abort::Http(StatusCode::SERVICE_UNAVAILABLE);
    let expected = FaultInjectionPolicy::off().with_abort(Percent::new(5), abort);
    assert_eq!(fault, expected);

    let trace = of_json::<TracePolicy>(json!({"propagated": ["w3c", "b3"], "service": "waste"}));
    let formats = Propagation::W3C.and(Propagation::B3);
    let expected = TracePolicy::default()
        .with_propagated(formats)
        .with_service("waste");
    assert_eq!(trace, expected);

    let outlier = of_json::<OutlierDetectionPolicy>(json!({"consecutive_gateway_errors": 3}));
    // As by the setter, they are then enforced.
    let expected = OutlierDetectionPolicy::default().with_consecutive_gateway_errors(3);
    assert_eq!(outlier, expected);
}

#[test]
fn a_plain_off_is_off_for_readers_of_yaml_that_take_it_for_a_truth_value() {
    let limit: RateLimitPolicy = serde_saphyr::from_str("limit: off").unwrap();
    same(&limit, &RateLimitPolicy::off());
    let limit: RateLimitPolicy = of_json(json!({"limit": false}));
    same(&limit, &RateLimitPolicy::off());
    let on = serde_json::from_value::<RateLimitPolicy>(json!({"limit": true})).unwrap_err();
    assert!(
        on.to_string().starts_with("limit: `on` is not a limit"),
        "{on}"
    );
}

#[test]
fn routes_are_read_and_written() {
    let routes = json!({
        "hosts": [{
            "hosts": ["waste.example.com", "*.waste"],
            "routes": [
                {
                    "name": "canary",
                    "matches": [{
                        "path": {"segments": "/api"},
                        "headers": [{"name": "version", "value": {"exact": "v2"}}],
                        "cookies": [{"name": "user", "value": {"regex": "j.*"}}],
                    }],
                    "destinations": [
                        {"host": "waste-v1", "port": 8000, "weight": 90},
                        {"host": "waste-v2", "port": 8000, "weight": 10},
                    ],
                    "rewrite": {"path": {"regex": {"pattern": "/api/(.*)", "substitute": "/\\1"}}},
                    "request_headers": {"set": [{"name": "x-from", "value": "%REQ(:authority)%"}]},
                    "hash_policy": [{"header": "x-user"}, {"cookie": {"name": "sid", "ttl": "1h"}}],
                },
                {"redirect": {"scheme": "https", "path": {"full": "/new"}, "port": 8443}},
                {"direct_response": {"status": 404, "body": "gone"}},
            ],
        }],
    });
    let policy: TrafficSplitPolicy = of_json(routes);
    assert_eq!(policy.routes().count(), 3);
    let first = policy.routes().next().unwrap();
    assert_eq!(
        (first.name(), first.destinations()[1].weight()),
        (Some("canary"), 10)
    );
    let written = json_of(&policy);
    assert_eq!(
        json_of(&of_json::<TrafficSplitPolicy>(written.clone())),
        written
    );
    assert_eq!(
        written["hosts"][0]["routes"][0]["rewrite"]["path"]["regex"]["substitute"],
        "/\\1"
    );
}

#[test]
fn the_page_about_configuration_shows_the_defaults() {
    let page = include_str!("../../docs/configuration.md");
    let block = |title: &str| {
        let (_, rest) = page.split_once(title).unwrap_or_else(|| panic!("{title}"));
        let (_, rest) = rest.split_once("```yaml\n").unwrap();
        rest.split_once("```").unwrap().0
    };
    let outbound: Value = serde_saphyr::from_str(block("A client's stack")).unwrap();
    assert_eq!(outbound, json_of(&OutboundPolicy::default()));
    let inbound: Value = serde_saphyr::from_str(block("A server's stack")).unwrap();
    assert_eq!(inbound, json_of(&InboundPolicy::default()));
}
