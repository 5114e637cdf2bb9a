//! Circuit breakers and their windows, as Polly, resilience4j and Sentinel have them.

use std::time::Duration;

use meshless::circuit_breaker::OpenReason;
use meshless::circuit_breaker::{CircuitState, Counts, Probes, Window};
use meshless::events::EventKind;
use meshless::{Outcome, Percent};
use serde_json::Value;
use tokio::time::advance;

use crate::vectors::bench::{BAD, Bench, GOOD, IGNORED, outcomes, rates};
use crate::vectors::tally::{Tally, load};

fn cases(group: &Value) -> &[Value] {
    group["cases"].as_array().unwrap()
}

fn steps(case: &Value) -> &[Value] {
    case["steps"].as_array().unwrap()
}

fn millis(value: &Value) -> Duration {
    if let Some(text) = value.as_str() {
        let whole: u64 = text.strip_suffix("-1tick").unwrap().parse().unwrap();
        return Duration::from_nanos(whole * 1_000_000 - 100);
    }
    Duration::from_millis(value.as_u64().unwrap_or(0))
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// Asserts a share that is written as a percentage, to the millionth.
fn assert_percent(found: Percent, percent: f64, what: &str) {
    let expected = Percent::from_f64(percent).millionths();
    assert!(
        found.millionths().abs_diff(expected) <= 1,
        "{what}: {found}"
    );
}

#[tokio::test(start_paused = true)]
async fn polly() {
    let file = load("polly_circuit_breaker.json");
    let mut tally = Tally::default();
    for group in file["groups"].as_array().unwrap() {
        for case in cases(group) {
            match group["name"].as_str().unwrap() {
                "state_sequences" => polly_states(case).await,
                "should_break_predicate" => polly_predicate(case),
                "rolling_window" => polly_window(case).await,
                "controller_misc" => polly_controller(case).await,
                other => panic!("{other}"),
            }
            tally.ran();
        }
    }
    tally.assert(23, 0);
}

async fn polly_states(case: &Value) {
    let config = &case["config"];
    let policy = rates()
        .with_failure_rate(Percent::from_f64(
            config["failure_ratio"].as_f64().unwrap() * 100.0,
        ))
        .with_window(Window::Time(millis(&config["sampling_ms"])))
        .with_minimum_calls(number(&config["min_throughput"]))
        .with_open_for(millis(&config["break_ms"]))
        .with_probes(Probes::new(number(&config["half_open_probes"])));
    let mut bench = Bench::new(policy);
    for step in steps(case) {
        let what = format!("{}: {step}", case["name"]);
        bench.at(millis(&step["t"])).await;
        let admitted = match step["op"].as_str().unwrap() {
            "failure" => bench.quick(BAD),
            "success" | "call" => bench.quick(GOOD),
            "acquire" => {
                let ticket = bench.layer.admit();
                let admitted = ticket.is_ok();
                bench.held.extend(ticket);
                admitted
            }
            "complete_failure" => {
                bench.held.pop().unwrap().settle(BAD);
                true
            }
            "read_state" => true,
            "isolate" => {
                bench.layer.force_open();
                true
            }
            "close" => {
                bench.layer.reset();
                true
            }
            other => panic!("{other}"),
        };
        for (key, expected) in step["expect"].as_object().into_iter().flatten() {
            match key.as_str() {
                "state" => {
                    let expected = expected.as_str().unwrap();
                    let state = bench.state().replace("forced_open", "isolated");
                    assert_eq!(state, expected, "{what}");
                }
                "admitted" => assert_eq!(admitted, expected.as_bool().unwrap(), "{what}"),
                "rejected" => assert_eq!(!admitted, expected.as_bool().unwrap(), "{what}"),
                "on_break_events" => assert_eq!(bench.opened(), expected.as_u64().unwrap()),
                other => panic!("{other}"),
            }
        }
    }
}

fn polly_predicate(case: &Value) {
    let (input, expected) = (&case["input"], &case["expect"]["should_break"]);
    let throughput = number(&input["throughput"]);
    // The case with 9 calls says 4 failures and a rate of 0.1; the minimum decides it either way.
    let failures = number(&input["failure_count"]);
    let threshold = input["threshold"].as_f64().unwrap() * 100.0;
    let policy = rates()
        .with_failure_rate(Percent::from_f64(threshold))
        .with_minimum_calls(number(&input["min_throughput"]));
    let bench = Bench::new(policy);
    for _ in failures..throughput {
        bench.quick(GOOD);
    }
    for _ in 0..failures {
        bench.quick(BAD);
    }
    let broken = bench.state() == "open";
    assert_eq!(broken, expected.as_bool().unwrap(), "{}", case["name"]);
}

async fn polly_window(case: &Value) {
    let policy = rates()
        .with_failure_rate(Percent::ALL)
        .with_minimum_calls(1_000)
        .with_window(Window::Time(millis(&case["config"]["window_ms"])));
    let bench = Bench::new(policy);
    for step in steps(case) {
        bench.at(millis(&step["t"])).await;
        for outcome in outcomes(step["record"].as_str().unwrap_or_default()) {
            bench.quick(outcome);
        }
        let counts = bench.layer.counts();
        for (key, expected) in step["read"].as_object().into_iter().flatten() {
            let what = format!("{}: {key} in {step}", case["name"]);
            match key.as_str() {
                "throughput" => assert_eq!(counts.calls(), expected.as_u64().unwrap(), "{what}"),
                "failures" => assert_eq!(counts.failed(), expected.as_u64().unwrap(), "{what}"),
                "failure_rate" => {
                    let percent = expected.as_f64().unwrap() * 100.0;
                    assert_percent(counts.failure_rate(), percent, &what);
                }
                other => panic!("{other}"),
            }
        }
    }
}

async fn polly_controller(case: &Value) {
    let second = Duration::from_secs(1);
    let policy = rates()
        .with_consecutive_failures(1)
        .with_failure_rate(Percent::ALL)
        .with_minimum_calls(1_000)
        .with_open_for(second)
        .with_growth(2.0)
        .with_max_open_for(1_000 * second);
    let bench = Bench::new(policy);
    let expected = &case["expect"];
    match case["name"].as_str().unwrap() {
        "half_open_attempts_sequence" => {
            // The length of an opening tells how often it was tried: 1 s doubled each time.
            let mut attempts = Vec::new();
            for openings in [5, 3] {
                for _ in 0..openings {
                    bench.quick(BAD);
                    let open_for = bench.layer.admit().unwrap_err().retry_after().unwrap();
                    attempts.push(open_for.as_secs().ilog2());
                    advance(open_for).await;
                    assert_eq!(bench.state(), "half_open");
                }
                bench.quick(GOOD);
                assert_eq!(bench.state(), "closed");
            }
            let seen = &expected["half_open_attempts_seen_by_break_duration_generator"];
            assert_eq!(*seen, Value::from(attempts));
        }
        "isolated_has_no_retry_after" => {
            bench.layer.force_open();
            let retry_after = bench.layer.admit().unwrap_err().retry_after();
            assert!(expected["retry_after"].is_null() && retry_after.is_none());
        }
        "success_in_isolated_stays_isolated" => {
            let ticket = bench.layer.admit().unwrap();
            bench.layer.force_open();
            ticket.settle(GOOD);
            assert_eq!(expected["state"], "isolated");
            assert_eq!(bench.layer.state(), CircuitState::ForcedOpen);
        }
        "failure_in_half_open_not_counted_in_metrics" => {
            bench.layer.open_for(Duration::ZERO);
            assert_eq!(bench.state(), "half_open");
            bench.quick(BAD);
            assert_eq!(bench.state(), "open");
            assert_eq!(expected["metrics_failures"], bench.layer.counts().failed());
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn resilience4j() {
    let file = load("resilience4j_circuit_breaker.json");
    let mut tally = Tally::default();
    for case in cases(&file["groups"][0]) {
        if case["name"] == "half_open_max_wait_reopens" {
            tally.skipped("half open: waits for a probe; what ends is the lease of each probe");
            continue;
        }
        resilience4j_machine(case).await;
        tally.ran();
    }
    tally.assert(11, 1);
}

async fn resilience4j_machine(case: &Value) {
    let config = &case["config"];
    let percent = |key: &str| Percent::from_f64(config[key].as_f64().unwrap());
    assert_eq!(config["window"], "time 20s");
    let policy = rates()
        .with_failure_rate(percent("failure_rate_threshold"))
        .with_slow_calls(percent("slow_rate_threshold"), millis(&config["slow_ms"]))
        .with_window(Window::Time(Duration::from_secs(20)))
        .with_minimum_calls(number(&config["min_calls"]))
        .with_open_for(millis(&config["wait_open_ms"]))
        .with_probes(Probes::with_batch_evaluation(number(
            &config["permitted_half_open"],
        )));
    let mut bench = Bench::new(policy.clone());
    for step in steps(case) {
        let what = format!("{}: {step}", case["name"]);
        bench.at(millis(&step["t"])).await;
        let latency = millis(&step["duration_ms"]);
        let admitted = match step["op"].as_str().unwrap() {
            "acquire" | "try_acquire" => {
                let ticket = bench.layer.admit();
                let admitted = ticket.is_ok();
                bench.held.extend(ticket);
                admitted
            }
            "error" => bench.call(BAD, latency),
            "ignored_error" => bench.call(IGNORED, latency),
            "read_state" => true,
            "release" => bench.held.pop().is_some(),
            "reset" => {
                bench.layer.reset();
                true
            }
            "success" => bench.call(GOOD, latency),
            "to_forced_open" => {
                bench.layer.force_open();
                true
            }
            "to_half_open" => {
                bench.layer.open_for(Duration::ZERO);
                true
            }
            "to_metrics_only" => {
                bench.layer.reconfigure(policy.clone().with_dry_run(true));
                true
            }
            "to_open" => {
                bench.layer.open_for(policy.open_for());
                true
            }
            "to_open_for" => {
                bench.layer.open_for(millis(&step["ms"]));
                true
            }
            other => panic!("{other}"),
        };
        for (key, expected) in step["expect"].as_object().into_iter().flatten() {
            resilience4j_expect(&bench, admitted, key, expected, &what);
        }
    }
}

fn resilience4j_expect(bench: &Bench, admitted: bool, key: &str, expected: &Value, what: &str) {
    let counts = bench.layer.counts();
    let would = |is: fn(&OpenReason) -> bool| {
        bench.count(|event| matches!(event, EventKind::CircuitWouldOpen { reason } if is(reason)))
    };
    // What the probes proved stands in the reason; the window is not theirs.
    let found: Value = match (key, bench.why()) {
        ("state", _) => bench.state().into(),
        ("admitted", _) => admitted.into(),
        ("not_permitted", _) => bench.refused().into(),
        ("slow", Some(OpenReason::ProbesFailed { slow, .. })) => slow.into(),
        ("slow_rate", Some(OpenReason::ProbesFailed { calls, slow, .. })) => {
            (f64::from(slow) * 100.0 / f64::from(calls)).into()
        }
        ("failure_rate", Some(OpenReason::ProbesFailed { calls, failed, .. })) => {
            (f64::from(failed) * 100.0 / f64::from(calls)).into()
        }
        ("failure_rate", _) => {
            assert!(counts.calls() < 5, "a rate: {what}");
            Value::from(-1)
        }
        ("slow_rate", _) => {
            assert_percent(counts.slow_rate(), expected.as_f64().unwrap(), what);
            expected.clone()
        }
        ("slow", _) => counts.slow().into(),
        ("ok", _) => (counts.calls() - counts.failed()).into(),
        ("buffered", _) => counts.calls().into(),
        ("failed", _) => counts.failed().into(),
        ("failure_rate_exceeded_events", _) => {
            would(|reason| matches!(reason, OpenReason::FailureRate { .. })).into()
        }
        ("slow_rate_exceeded_events", _) => {
            would(|reason| matches!(reason, OpenReason::SlowRate { .. })).into()
        }
        (other, _) => panic!("{other}"),
    };
    assert_eq!(found, *expected, "{key} in {what}");
}

#[tokio::test(start_paused = true)]
async fn resilience4j_windows() {
    let file = load("resilience4j_windows.json");
    let mut tally = Tally::default();
    for group in file["groups"].as_array().unwrap() {
        for case in cases(group) {
            let config = &case["config"];
            let size = |key: &str| Window::Count(number(&config[key]));
            let window = match group["name"].as_str().unwrap() {
                "breaker_metrics" => size("window"),
                "count_window" => size("size"),
                "time_window" => {
                    Window::Time(Duration::from_secs(config["window_s"].as_u64().unwrap()))
                }
                other => panic!("{other}"),
            };
            resilience4j_window(case, window).await;
            tally.ran();
        }
    }
    tally.assert(4, 0);
}

async fn resilience4j_window(case: &Value, window: Window) {
    let threshold = case["config"]["threshold"].as_f64().unwrap_or(100.0);
    let minimum = case["config"]["min_calls"].as_u64().unwrap_or(0);
    let policy = rates()
        .with_dry_run(true)
        .with_failure_rate(Percent::from_f64(threshold))
        .with_window(window);
    let slower_than = |latency| policy.clone().with_slow_calls(Percent::ALL, latency);
    let bench = Bench::new(slower_than(Duration::ZERO));
    for step in steps(case) {
        let what = format!("{}: {step}", case["name"]);
        bench.at(millis(&step["t"])).await;
        if let Some(refused) = step["not_permitted"].as_u64() {
            bench.layer.force_open();
            for _ in 0..refused {
                assert!(bench.layer.admit().is_err());
            }
            bench.layer.reset();
        }
        let duration = millis(&step["duration_ms"]);
        let record = step["record"].as_str().unwrap_or_default();
        // Their metrics are told which call is slow; ours see it, so the policy is moved around it.
        let slow = record.starts_with("slow");
        let least = if slow { duration / 2 } else { duration };
        bench.layer.reconfigure(slower_than(least));
        match record {
            "error" | "slow_error" => assert!(bench.call(BAD, duration)),
            "success" | "slow_success" => assert!(bench.call(GOOD, duration)),
            letters => outcomes(letters).for_each(|outcome| assert!(bench.quick(outcome))),
        }
        for (key, expected) in step["expect"].as_object().into_iter().flatten() {
            let counts = bench.layer.counts();
            window_expect(&bench, counts, (minimum, threshold), (key, expected, &what));
        }
    }
}

fn window_expect(
    bench: &Bench,
    counts: Counts,
    (minimum, threshold): (u64, f64),
    (key, expected, what): (&str, &Value, &str),
) {
    let failed = counts.failed();
    let found: Value = match key {
        "total" | "buffered" => counts.calls().into(),
        "ok" => (counts.calls() - failed).into(),
        "failed" => failed.into(),
        "slow" => counts.slow().into(),
        "slow_ok" => (counts.slow() - counts.slow_failed()).into(),
        "slow_failed" => counts.slow_failed().into(),
        "not_permitted" => bench.refused().into(),
        "result" => {
            assert!(counts.calls() < minimum, "{what}");
            "below_minimum_calls".into()
        }
        "exceeded" => (counts.failure_rate() >= Percent::from_f64(threshold)).into(),
        "failure_rate" if expected == &Value::from(-1) => {
            assert!(counts.calls() < minimum, "{what}");
            expected.clone()
        }
        "failure_rate" | "slow_rate" => {
            let rate = match key {
                "slow_rate" => counts.slow_rate(),
                _ => counts.failure_rate(),
            };
            assert_percent(rate, expected.as_f64().unwrap(), what);
            expected.clone()
        }
        "total_ms" => u64::try_from(counts.total_latency().as_millis())
            .unwrap()
            .into(),
        "avg_ms" => u64::try_from(counts.mean_latency().as_millis())
            .unwrap()
            .into(),
        other => panic!("{other}"),
    };
    assert_eq!(found, *expected, "{key} in {what}");
}

#[tokio::test(start_paused = true)]
async fn sentinel() {
    let file = load("sentinel_breaker.json");
    let mut tally = Tally::default();
    for case in cases(&file["groups"][0]) {
        match case["name"].as_str().unwrap() {
            "exception_ratio_0_2_min1" | "slow_ratio_0_8_min10" => sentinel_one(case).await,
            "two_breakers_one_resource_half_open_leak" => sentinel_two(case).await,
            other => panic!("{other}"),
        }
        tally.ran();
    }
    tally.assert(3, 0);
}

/// Above, not from: the smallest share that is more.
fn above(ratio: &Value) -> Percent {
    let percent = Percent::from_f64(ratio.as_f64().unwrap() * 100.0);
    Percent::per_million(percent.millionths() + 1)
}

async fn sentinel_one(case: &Value) {
    let config = &case["config"];
    let policy = rates()
        .with_window(Window::Time(millis(&config["stat_ms"])))
        .with_minimum_calls(number(&config["min"]))
        .with_open_for(millis(&config["recovery_ms"]));
    let most = millis(&config["max_rt_ms"]);
    let policy = if config["slow_ratio"].is_null() {
        policy.with_failure_rate(above(&config["ratio"]))
    } else {
        policy.with_slow_calls(above(&config["slow_ratio"]), most)
    };
    let bench = Bench::new(policy);
    let (fast, slow) = (most, most + Duration::from_millis(1));
    for step in steps(case) {
        let what = format!("{}: {step}", case["name"]);
        bench.at(millis(&step["t"])).await;
        let calls: Vec<_> = match step["op"].as_str().unwrap() {
            "success" | "fast" => vec![(GOOD, fast)],
            "failure" => vec![(BAD, fast)],
            "slow" => vec![(GOOD, slow)],
            "6 slow" => vec![(GOOD, slow); 6],
            "7 slow + 3 fast" => [vec![(GOOD, slow); 7], vec![(GOOD, fast); 3]].concat(),
            letters => outcomes(letters).map(|outcome| (outcome, fast)).collect(),
        };
        for (i, (outcome, latency)) in calls.iter().enumerate() {
            // The last one may open it; the ones before it must not.
            assert!(i == 0 || bench.state() == "closed", "call {i} of {what}");
            let admitted = bench.call(*outcome, *latency);
            assert_eq!(admitted, step["expect"]["admitted"], "{what}");
        }
        if let Some(state) = step["expect"]["state"].as_str() {
            assert_eq!(bench.state(), state, "{what}");
        }
    }
}

/// One breaker around another: what the inner one refuses proves nothing to the outer one.
async fn sentinel_two(case: &Value) {
    let breakers = case["config"]["breakers"].as_array().unwrap();
    let [outer, inner] = [0, 1].map(|i| {
        let policy = rates()
            .with_slow_calls(Percent::new(1), Duration::from_millis(1))
            .with_minimum_calls(number(&case["config"]["min"]))
            .with_open_for(millis(&breakers[i]["recovery_ms"]));
        Bench::new(policy)
    });
    let (fast, slow) = (Duration::ZERO, Duration::from_secs(1));
    let call = |latency| {
        let Ok(ticket) = outer.layer.admit() else {
            return false;
        };
        let admitted = inner.call(GOOD, latency);
        let outcome = if admitted { GOOD } else { Outcome::Rejected };
        ticket.settle_after(outcome, latency);
        admitted
    };
    for step in steps(case) {
        outer.at(millis(&step["t"])).await;
        let (calls, latency) = match step["op"].as_str().unwrap() {
            "slow" => (1, slow),
            "10 x slow" => (10, slow),
            "10 x fast" => (10, fast),
            other => panic!("{other}"),
        };
        for _ in 0..calls {
            assert_eq!(call(latency), step["expect"]["admitted"], "{step}");
        }
        let expected = match step["expect"]["state"].as_str().unwrap() {
            "both open" => ["open", "open"],
            // Sentinel sends it back to open; here it stays half open, with its place free.
            "A open (open->half->open), B open" => ["half_open", "open"],
            "both recovered" => ["closed", "closed"],
            other => panic!("{other}"),
        };
        assert_eq!([outer.state(), inner.state()], expected, "{step}");
    }
}
