//! Token buckets as Envoy and redis-cell count, and the headers of the IETF's draft.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use meshless::rate_limit::upstream_limits::{self, QuotaPolicy, ServiceLimit};
use meshless::rate_limit::{RateLimitPolicy, RateLimiter};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::vectors::tally::{Tally, load};

pub(crate) const CONFIGURATION: &str = "a check of Envoy's configuration: floor 4 reports it";

pub(crate) fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("a number: {value}"))
}

fn bucket(max: u64, fill: u64, millis: u64, discrete: bool) -> RateLimiter {
    let policy = RateLimitPolicy::token_bucket(max, fill, Duration::from_millis(millis));
    RateLimiter::new(policy.with_discrete_refill(discrete))
}

fn retry_after(
    result: Result<meshless::rate_limit::RateLimitPermit, meshless::Rejection>,
) -> Option<Duration> {
    result.err().and_then(meshless::Rejection::retry_after)
}

/// The buckets of one limiter of Envoy's, in the order in which it asks them.
struct Buckets {
    default: RateLimiter,
    descriptors: Vec<(Value, RateLimiter)>,
}

impl Buckets {
    fn of(case: &Value) -> Self {
        let discrete = case["timer_only"] == true;
        let default: Vec<_> = array(&case["default"]).iter().map(number).collect();
        let mut descriptors: Vec<_> = array(&case["descriptors"])
            .iter()
            .map(|d| {
                let (millis, max, fill) = (number(&d[1]), number(&d[2]), number(&d[3]));
                // The Envoy that these cases are of sorts by tokens in whole seconds.
                let rate = fill / (millis / 1_000).max(1);
                (rate, d[0].clone(), bucket(max, fill, millis, discrete))
            })
            .collect();
        descriptors.sort_by_key(|(rate, _, _)| *rate);
        let descriptors = descriptors
            .into_iter()
            .map(|(_, entries, bucket)| (entries, bucket));
        Self {
            default: bucket(default[1], default[2], default[0], discrete),
            descriptors: descriptors.collect(),
        }
    }

    fn allows(&self, sent: &Value) -> bool {
        let matched = self
            .descriptors
            .iter()
            .filter(|(entries, _)| array(sent).contains(entries));
        let all = matched.map(|(_, bucket)| bucket).chain([&self.default]);
        all.map(|bucket| bucket.admit(1))
            .all(|admitted| admitted.is_ok())
    }

    fn get(&self, entries: &Value) -> &RateLimiter {
        let found = self.descriptors.iter().find(|(own, _)| own == entries);
        found.map_or(&self.default, |(_, bucket)| bucket)
    }
}

#[tokio::test(start_paused = true)]
async fn envoys_local_rate_limit() {
    let vectors = load("envoy_local_ratelimit.json");
    let mut tally = Tally::default();
    for case in array(&vectors["cases"]) {
        if !case["expect_error"].is_null() {
            tally.skipped(CONFIGURATION);
            continue;
        }
        let buckets = Buckets::of(case);
        for step in array(&case["steps"]) {
            if let Some(millis) = step["advance_ms"].as_u64() {
                tokio::time::advance(Duration::from_millis(millis)).await;
            } else if let Some(expected) = step["expect"].as_str() {
                let allowed = buckets.allows(&step["request_descriptors"]);
                assert_eq!(allowed, expected == "allow", "{}: {step}", case["name"]);
            } else {
                let status = buckets.get(&step["status_for"]).status();
                let reset = (status.reset + Duration::from_millis(500)).as_secs();
                let found = [status.limit, status.remaining, reset];
                let expected = ["max", "remaining", "reset_s"].map(|key| number(&step[key]));
                assert_eq!(found, expected, "{}: {step}", case["name"]);
            }
        }
        tally.ran();
    }
    for case in array(&vectors["token_bucket_cases"]) {
        token_bucket(case).await;
        tally.ran();
    }
    for case in array(&vectors["filter_cases"]) {
        crate::vectors::rate_limit_filter::run(case).await;
        tally.ran();
    }
    tally.assert(22, 2);
}

async fn token_bucket(case: &Value) {
    let start = Instant::now();
    let interval = Duration::from_secs_f64(1.0 / case["fill_per_s"].as_f64().unwrap());
    let policy = RateLimitPolicy::token_bucket(number(&case["max"]), 1, interval);
    let limiter = RateLimiter::new(policy);
    for step in array(&case["steps"]) {
        let context = format!("{}: {step}", case["name"]);
        let at = start + Duration::from_millis(number(&step["at_ms"]));
        tokio::time::advance(at - Instant::now()).await;
        let remaining = limiter.status().remaining;
        if let Some(left) = step["reset_to"].as_u64() {
            limiter.admit(remaining - left).unwrap();
        } else if let Some(millis) = step["expect_next_token_ms"].as_u64() {
            let next = limiter.status().reset.as_micros().div_ceil(1_000);
            assert_eq!(next, u128::from(millis), "{context}");
        } else {
            let take = number(&step["take"]);
            let partial = step["partial"] == true;
            let take = if partial { take.min(remaining) } else { take };
            let taken = limiter.admit(take).map_or(0, |permit| permit.charged());
            assert_eq!(taken, number(&step["expect"]), "{context}");
        }
    }
}

/// The file holds every other row of its source's table, each of which starts from what the rows
/// before it have left: these are the calls of the missing ones, at so many seconds at such a cost.
const BETWEEN: [(&str, f64, u64); 7] = [
    ("row02", 0.0, 1),
    ("row04", 0.0, 1),
    ("row06", 0.0, 1),
    ("row08", 3.0, 1),
    ("row10", 4.0, 1),
    ("row12", 9.5, 1),
    ("row14", 9.5, 2),
];

#[tokio::test(start_paused = true)]
async fn the_generic_cell_rate_algorithm() {
    let vectors = load("gcra.json");
    let mut tally = Tally::default();
    for group in array(&vectors["groups"]) {
        let limit = group["config"]["limit"].as_u64().unwrap_or(1);
        let limiter = bucket(limit, 1, 1_000, false);
        let start = Instant::now();
        for case in array(&group["cases"]) {
            let (input, expect) = (&case["input"], &case["expect"]);
            if let Some(rate) = input.as_str() {
                emission(rate, expect["emission_interval_s"].as_f64().unwrap());
                tally.ran();
                continue;
            }
            let Some(seconds) = input["t_s"].as_f64() else {
                tally.skipped("a store that cannot be written: ours is this process's memory");
                continue;
            };
            if let Some((_, at, cost)) = BETWEEN.iter().find(|(row, ..)| case["name"] == *row) {
                sleep_until(start + Duration::from_secs_f64(*at)).await;
                limiter.admit(*cost).unwrap();
            }
            sleep_until(start + Duration::from_secs_f64(seconds)).await;
            let rejection = limiter.admit(number(&input["cost"])).err();
            let status = limiter.status();
            let wait = rejection.and_then(meshless::Rejection::retry_after);
            let found = json!({
                "limited": rejection.is_some(),
                "limit": status.limit,
                "remaining": status.remaining,
                "reset_after_s": seconds_of(Some(status.full_in)),
                "retry_after_s": seconds_of(wait),
            });
            for (key, value) in expect.as_object().unwrap() {
                let same = match (value.as_f64(), found[key].as_f64()) {
                    (Some(one), Some(two)) => (one - two).abs() < 0.002,
                    _ => *value == found[key],
                };
                assert!(
                    same,
                    "{}: {key} is {}, not {value}",
                    case["name"], found[key]
                );
            }
            tally.ran();
        }
    }
    tally.assert(12, 1);
}

fn seconds_of(duration: Option<Duration>) -> f64 {
    duration.map_or(-1.0, |duration| duration.as_secs_f64())
}

/// Finds the time that one token takes to come back by asking for two.
fn emission(rate: &str, expected: f64) {
    let (count, period) = rate.split_once('/').unwrap();
    let period = match period {
        "0ns" => Duration::ZERO,
        "s" => Duration::from_secs(1),
        "min" => Duration::from_secs(60),
        "day" => Duration::from_secs(24 * 3_600),
        other => panic!("unknown period {other}"),
    };
    let policy = RateLimitPolicy::token_bucket(1, count.parse().unwrap(), period);
    let limiter = RateLimiter::new(policy);
    limiter.admit(1).unwrap();
    let wait = retry_after(limiter.admit(1)).unwrap_or_default();
    assert!(
        (wait.as_secs_f64() - expected).abs() < 1e-9,
        "{rate}: {wait:?}"
    );
}

#[test]
fn rate_limit_headers() {
    let vectors = load("ratelimit_headers.json");
    let mut tally = Tally::default();
    for group in array(&vectors["groups"]) {
        for case in array(&group["cases"]) {
            if group["name"] == "fields" {
                fields(case);
            } else {
                semantics(case);
            }
            tally.ran();
        }
    }
    tally.assert(12, 0);
}

fn fields(case: &Value) {
    let value = case["input"]["value"].as_str().unwrap();
    let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs());
    let found: Option<Vec<Value>> = if case["input"]["field"] == "RateLimit-Policy" {
        let policies = QuotaPolicy::parse(value);
        policies.map(|policies| {
            let told = policies.into_iter().map(|p| {
                json!({"name": p.name, "q": p.quota, "w": seconds(p.window), "qu": p.unit, "pk_b64": p.partition_key})
            });
            told.collect()
        })
    } else {
        ServiceLimit::parse(value).map(|limits| {
            let told = limits.into_iter().map(|l| {
                json!({"name": l.name, "r": l.remaining, "t": seconds(l.reset), "pk_b64": l.partition_key})
            });
            told.collect()
        })
    };
    let Some(expected) = case["expect"].as_array() else {
        assert_eq!(found, None, "{}", case["name"]);
        return;
    };
    // What is not there is null in ours and missing in theirs.
    let plain = |value: &Value| -> BTreeMap<String, Value> {
        let fields = value.as_object().unwrap().clone();
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect()
    };
    let found: Vec<_> = found.unwrap().iter().map(plain).collect();
    let expected: Vec<_> = expected.iter().map(plain).collect();
    assert_eq!(found, expected, "{}", case["name"]);
}

fn semantics(case: &Value) {
    let fields = case["input"].as_object().unwrap();
    let fields = fields.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
        (HeaderName::try_from(name).unwrap(), value)
    });
    let headers: HeaderMap = fields.collect();
    let wait = upstream_limits::retry_after(&headers, SystemTime::UNIX_EPOCH);
    let expected = case["expect"]["wait_s"].as_u64().map(Duration::from_secs);
    assert_eq!(wait, expected, "{}", case["name"]);
}

/// What a case calls `429` or `continue`.
pub(crate) fn result(status: StatusCode) -> String {
    if status == StatusCode::OK {
        return "continue".to_owned();
    }
    status.as_u16().to_string()
}
