//! AWS's buckets, of retries and of requests: ours is a rate limit.

use std::time::Duration;

use meshless::rate_limit::{RateLimitPolicy, RateLimiter};
use serde_json::Value;
use tokio::time::{Instant, advance};

use crate::vectors::rate_limit::{array, number};

const SECOND: Duration = Duration::from_secs(1);

/// Takes from a bucket that nothing refills, and puts back.
pub(super) fn quota(case: &Value) {
    let never = 10_000 * 86_400 * SECOND;
    let limiter = RateLimiter::new(RateLimitPolicy::token_bucket(
        number(&case["config"]["cap"]),
        1,
        never,
    ));
    let mut permits = Vec::new();
    for op in array(&case["ops"]) {
        match op[0].as_str().unwrap() {
            "acquire" => {
                let permit = limiter.admit(number(&op[1]));
                assert_eq!(op[2], permit.is_ok(), "{case}");
                permits.extend(permit);
            }
            // More than was taken cannot come back.
            "release" => permits.drain(..).for_each(|permit| permit.settle(0)),
            other => panic!("{other}"),
        }
        assert_eq!(op[3], limiter.status().remaining, "{case}");
    }
}

/// What a call is told that finds nothing left.
pub(super) fn waits(case: &Value) {
    match case["name"].as_str().unwrap() {
        "ten_waiters_same_delay_no_cascade" => {
            let limiter = RateLimiter::new(RateLimitPolicy::token_bucket(1, 1, SECOND));
            limiter.admit(1).unwrap();
            for _ in 0..number(&case["steps"][1]["times"]) {
                let wait = limiter.admit(1).unwrap_err().retry_after();
                assert_eq!(wait, Some(SECOND));
            }
            assert_eq!(case["steps"][1]["expect"]["all_same_wait"], true);
        }
        // A wait of nothing would be one round after the other.
        "sub_ns_shortfall_grants" => {
            for fill in [3, 7, 999_999_937] {
                let limiter = RateLimiter::new(RateLimitPolicy::token_bucket(10, fill, SECOND));
                while limiter.admit(3).is_ok() {}
                let wait = limiter.admit(3).unwrap_err().retry_after();
                assert!(wait.is_some_and(|wait| !wait.is_zero()), "{fill}: {wait:?}");
            }
            assert_eq!(case["expect"]["ok"], true);
        }
        other => panic!("{other}"),
    }
}

/// AWS's bucket starts empty and fills up before the first step; ours is full then.
pub(super) async fn over_time(case: &Value) {
    let rate = case["config"]["rate"].as_f64().unwrap();
    if case["expect"]["max_capacity"].is_u64() {
        // Of a token a second, its share: no bucket is too small for one token.
        let half = RateLimitPolicy::token_bucket(1, 1, SECOND).with_share(1, 2);
        let limiter = RateLimiter::new(half);
        assert_eq!(case["expect"]["max_capacity"], limiter.status().limit);
        limiter.admit(1).unwrap();
        let wait = limiter.status().reset.as_secs_f64();
        assert_eq!(case["expect"]["max_rate"].as_f64(), Some(1.0 / wait));
        return;
    }
    let interval = SECOND.div_f64(rate);
    // Where a step says what is left, the bucket is as full as at that moment.
    let tokens = if case["steps"][0]["cap"].is_u64() {
        1
    } else {
        10
    };
    let policy = RateLimitPolicy::token_bucket(tokens, 1, interval).with_max_queue(1);
    let limiter = RateLimiter::new(policy);
    let began = Instant::now();
    for step in array(&case["steps"]) {
        let seconds = |key: &str| step[key].as_f64().map(Duration::from_secs_f64);
        let due = began + seconds("t").unwrap();
        advance(due.saturating_duration_since(Instant::now())).await;
        let asked = Instant::now();
        let permit = limiter.until_ready(number(&step["acquire"])).await;
        assert_eq!(step["ok"], permit.is_ok(), "{step}");
        let blocked = seconds("blocks_s").unwrap_or_default();
        let late = asked.elapsed().saturating_sub(blocked);
        assert!(
            asked.elapsed() >= blocked && late <= Duration::from_millis(1),
            "{step}"
        );
        if let Some(left) = step["cap"].as_u64() {
            assert_eq!(limiter.status().remaining, left, "{step}");
        }
    }
}
