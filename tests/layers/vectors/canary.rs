//! Cases of Argo Rollouts' and Flagger's tests and documents.

use std::time::Duration;

use meshless::Percent;
use meshless::canary::{CanaryPolicy, MeasurementLimits, Measurements, Phase, Step};
use serde_json::Value;

use super::tally::{Tally, load};

#[test]
fn measurements_are_assessed_as_by_argo_and_steps_are_those_of_flagger() {
    let file = load("canary_analysis.json");
    let mut tally = Tally::default();
    for group in file["groups"].as_array().unwrap() {
        for case in group["cases"].as_array().unwrap() {
            match group["name"].as_str().unwrap() {
                "argo_assess_metric_status" => assess(case),
                "flagger_time_formulas" => step(case),
                other => panic!("no group {other}"),
            }
            tally.ran();
        }
    }
    tally.assert(15, 0);
}

fn assess(case: &Value) {
    let number = |of: &str, name: &str| case[of][name].as_i64();
    let u32 = |number: Option<i64>| u32::try_from(number.unwrap_or(0)).unwrap();
    let mut limits = MeasurementLimits::default();
    if let Some(limit) = number("metric", "failure_limit") {
        limits = limits.with_failures(u32::try_from(limit).ok());
    }
    if let Some(limit) = number("metric", "inconclusive_limit") {
        limits = limits.with_inconclusive(u32::try_from(limit).ok());
    }
    if let Some(limit) = number("metric", "consecutive_success_limit") {
        limits = limits.with_consecutive_successes(u32(Some(limit)));
    }
    let limits = limits.with_count(u32(number("metric", "count")));
    let result = |name| u32(number("result", name));
    let measured = Measurements {
        consecutive_errors: result("consecutive_error"),
        consecutive_successes: result("consecutive_success"),
        count: result("count"),
        failed: result("failed"),
        inconclusive: result("inconclusive"),
        successful: result("successful"),
    };
    for (state, terminating) in [("running", false), ("terminating", true)] {
        let phase = match case["expect"][state].as_str().unwrap() {
            "Error" => Phase::Error,
            "Failed" => Phase::Failed,
            "Inconclusive" => Phase::Inconclusive,
            "Running" => Phase::Running,
            "Successful" => Phase::Successful,
            other => panic!("no phase {other}"),
        };
        let name = &case["name"];
        assert_eq!(
            limits.assess(&measured, terminating),
            phase,
            "{name}, {state}"
        );
    }
}

fn step(case: &Value) {
    let input = |name: &str| case["input"][name].as_u64();
    let percent = |name| Percent::new(u8::try_from(input(name).unwrap()).unwrap());
    let interval = Duration::from_secs(input("interval_s").unwrap_or(60));
    let policy = CanaryPolicy::linear(percent("step_weight"), percent("max_weight"), interval);
    let (mut weights, mut pauses) = (Vec::new(), Duration::ZERO);
    for step in policy.steps() {
        match step {
            Step::SetWeight(weight) => weights.push(u64::from(weight.millionths() / 10_000)),
            Step::Pause(pause) => pauses += *pause,
            other => panic!("{other:?}"),
        }
    }
    let expect = &case["expect"];
    if let Some(promoted) = expect["promote_s"].as_u64() {
        // Flagger's time to a rollback, `rollback_s`, has no counterpart: evidence decides, not a
        // number of intervals.
        assert_eq!(pauses.as_secs(), promoted);
    }
    if let Some(expected) = expect["canary_weights"].as_array() {
        let expected: Vec<_> = expected.iter().filter_map(Value::as_u64).collect();
        assert_eq!(weights, expected);
    }
}
