//! Circuit breakers, their windows, and rate limiters, as failsafe-go has them.

use std::time::Duration;

use meshless::Percent;
use meshless::circuit_breaker::{Probes, Window};
use serde_json::Value;

use crate::vectors::bench::{BAD, Bench, GOOD, outcomes, rates};
use crate::vectors::rate_limit::{array, number};
use crate::vectors::rate_limit_cycles;
use crate::vectors::tally::{Tally, load};

#[tokio::test(start_paused = true)]
async fn failsafe_go() {
    let file = load("failsafe_go.json");
    let mut tally = Tally::default();
    for group in array(&file["groups"]) {
        for case in array(&group["cases"]) {
            match group["name"].as_str().unwrap() {
                "adaptive_limiter" => {
                    tally.foreign("failsafe-go's own adaptive limit, by correlation; here are Envoy's and Netflix's");
                    continue;
                }
                "circuit_breaker" => circuit_breaker(case),
                "execution_stats" => execution_stats(case).await,
                "rate_limiter_stats" => rate_limit_cycles::failsafe_go(case).await,
                other => panic!("{other}"),
            }
            tally.ran();
        }
    }
    tally.assert_with_foreign(15, 0, 5);
}

/// Reads a threshold: so many of so many calls.
fn ratio(config: &Value, name: &str) -> Option<(u32, u32)> {
    let number = |value: &Value| u32::try_from(number(value)).unwrap();
    if let Some([part, whole]) = config[format!("{name}_ratio")]
        .as_array()
        .map(Vec::as_slice)
    {
        return Some((number(part), number(whole)));
    }
    let all = config.get(format!("{name}_threshold")).map(number);
    all.map(|all| (all, all))
}

fn circuit_breaker(case: &Value) {
    let config = &case["config"];
    let (failures, calls) = ratio(config, "failure").unwrap_or((1, 1));
    // Half open, so many good calls close it as can no longer become too many bad ones, and the
    // other way round; a threshold for successes takes the place of the one for failures.
    let (good, probes) = ratio(config, "success").unwrap_or((calls - failures + 1, calls));
    let policy = rates()
        .with_failure_rate(Percent::ratio(failures.into(), calls.into()))
        .with_minimum_calls(calls)
        .with_window(Window::Count(calls))
        .with_probes(
            Probes::new(good)
                .with_at_once(probes)
                .with_failures(probes - good + 1),
        );
    let bench = Bench::new(policy);
    if case["start"] == "half_open" {
        bench.layer.open_for(Duration::ZERO);
    }
    let before = case["state_before_last"].as_str().unwrap();
    for outcome in outcomes(case["ops"].as_str().unwrap()) {
        assert_eq!(bench.state(), before, "{}", case["name"]);
        assert!(bench.quick(outcome), "{}", case["name"]);
    }
    assert_eq!(case["expect"]["state"], bench.state(), "{}", case["name"]);
}

async fn execution_stats(case: &Value) {
    let ms = |value: &Value| Duration::from_millis(number(value));
    let config = &case["config"];
    let length = ms(&config["window_ms"]);
    let policy = rates()
        .with_failure_rate(Percent::ALL)
        .with_minimum_calls(u32::MAX)
        .with_window(Window::Time(length));
    let bench = Bench::new(policy);
    for step in array(&case["steps"]) {
        let since = number(&step["t"]) - number(&config["start_ms"]);
        bench.at(Duration::from_millis(since)).await;
        for outcome in record(step["record"].as_str().unwrap()) {
            bench.quick(outcome);
        }
        let counts = bench.layer.counts();
        let failed = f64::from(counts.failure_rate().millionths()) / 1e6;
        for (key, expected) in step["expect"].as_object().unwrap() {
            let what = format!("{}: {key} in {step}", case["name"]);
            let found: Value = match key.as_str() {
                "ok" => (counts.calls() - counts.failed()).into(),
                "failed" => counts.failed().into(),
                "total" => counts.calls().into(),
                // None of both is 0 % of nothing.
                "success_rate" if counts.calls() == 0 => 0.into(),
                "failure_rate" | "success_rate" => {
                    let share = if key == "failure_rate" {
                        failed
                    } else {
                        1.0 - failed
                    };
                    let rounded = (share * 100.0).round() / 100.0;
                    assert_eq!(expected.as_f64(), Some(rounded), "{what}");
                    continue;
                }
                other => panic!("{other}"),
            };
            assert_eq!(found, *expected, "{what}");
        }
    }
}

/// Reads what is recorded: so many of one kind, or a success for every fifth.
fn record(text: &str) -> Vec<meshless::Outcome> {
    let Some((count, kind)) = text.split_once([' ', ':']) else {
        return Vec::new();
    };
    let outcome = |i: u32| match kind.trim() {
        "S" => GOOD,
        "F" => BAD,
        "success iff i%5==0" => [BAD, GOOD][usize::from(i.is_multiple_of(5))],
        other => panic!("{other}"),
    };
    (0..count.parse().unwrap()).map(outcome).collect()
}
