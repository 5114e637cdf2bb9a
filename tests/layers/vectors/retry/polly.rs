use std::time::Duration;

use meshless::Percent;
use meshless::retry::{Backoff, Jitter};
use serde_json::Value;

use super::Dice;
use crate::vectors::tally::{Tally, load};

const QUARTER: Jitter = Jitter::Spread(Percent::new(25));

#[test]
fn polly_retry_delay() {
    let mut tally = Tally::default();
    let file = load("polly_retry_delay.json");
    for group in file["groups"].as_array().unwrap() {
        for case in group["cases"].as_array().unwrap() {
            match case["name"].as_str().unwrap() {
                "jitter_pm25pct" => stays_in_its_quarter(case["runs"].as_u64().unwrap()),
                "exp_jitter_positive_and_capped" => is_positive_and_capped(),
                _ => check(case),
            }
            tally.ran();
        }
    }
    tally.assert(20, 0);
}

fn check(case: &Value) {
    let input = &case["input"];
    let base = Duration::from_secs(input["base_s"].as_u64().unwrap());
    let backoff = match input["kind"].as_str().unwrap() {
        "constant" => Backoff::constant(base),
        "linear" => Backoff::linear(base),
        "exponential" => Backoff::exponential(base),
        kind => panic!("{kind}"),
    };
    let cap = input["max_s"]
        .as_u64()
        .map_or(Duration::MAX, Duration::from_secs);
    let jitter = if input["jitter"] == true {
        QUARTER
    } else {
        Jitter::None
    };
    let backoff = backoff.with_cap(cap).with_jitter(jitter);

    let attempt = u32::try_from(input["attempt"].as_u64().unwrap()).unwrap();
    // Polly's dice give a part of one; ours pick a nanosecond of the spread.
    let spread = backoff.interval(attempt) / 2;
    let rand = input["rand"].as_f64().unwrap_or(0.0);
    let roll = u64::try_from(spread.mul_f64(rand).as_nanos()).unwrap();
    let delay = backoff.delay(attempt, None, roll);
    let expected = match case["expect_s"].as_f64() {
        Some(seconds) => Duration::from_secs_f64(seconds),
        None => Duration::MAX,
    };
    assert_eq!(delay, expected, "{case}");
}

fn stays_in_its_quarter(runs: u64) {
    let mut rng = Dice(1);
    for _ in 0..runs {
        let base = Duration::from_nanos(rng.roll() % 3_600_000_000_000 + 1);
        let delay = Backoff::constant(base)
            .with_jitter(QUARTER)
            .delay(0, None, rng.roll());
        assert!(
            base * 3 / 4 <= delay && delay <= base * 5 / 4,
            "{base:?} {delay:?}"
        );
    }
}

fn is_positive_and_capped() {
    let mut rng = Dice(2);
    let base = Duration::from_secs(2);
    for attempt in [1, 2, 3, 4, 10, 100, 1_000, 1_024, 1_025] {
        for cap in [Duration::from_secs(30), Duration::MAX] {
            let backoff = Backoff::exponential(base)
                .with_cap(cap)
                .with_jitter(QUARTER);
            let delay = backoff.delay(attempt, None, rng.roll());
            assert!(!delay.is_zero() && delay <= cap, "{attempt} {delay:?}");
        }
    }
}
