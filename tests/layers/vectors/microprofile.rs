//! The circuit breaker of `MicroProfile` Fault Tolerance, alone and with retry, timeout and bulkhead
//! around and in it, by the only test kit for resilience that belongs to no library.

mod composition;
mod metrics;

use std::time::Duration;

use meshless::Percent;
use meshless::circuit_breaker::{CircuitBreakerPolicy, Probes, Window};
use serde_json::Value;

use crate::vectors::bench::{BAD, Bench, GOOD, rates};
use crate::vectors::rate_limit::{array, number};
use crate::vectors::tally::{Tally, load};

#[tokio::test(start_paused = true)]
async fn microprofile_fault_tolerance() {
    let file = load("microprofile_ft_tck.json");
    let mut tally = Tally::default();
    for group in array(&file["groups"]) {
        for case in array(&group["cases"]) {
            println!("{}", case["name"]);
            match group["name"].as_str().unwrap() {
                "breaker_sequences" => sequence(case).await,
                "composition" => composition::play(case).await,
                "metrics" => metrics::play(case).await,
                other => panic!("{other}"),
            }
            tally.ran();
        }
    }
    tally.assert(18, 0);
}

/// Opens when the window of so many calls is full and so many of them failed.
fn breaker(config: &Value) -> CircuitBreakerPolicy {
    let volume = u32::try_from(number(&config["volume"])).unwrap();
    let successes = config["success_threshold"].as_u64().unwrap_or(1);
    let ratio = config["ratio"].as_f64().unwrap();
    rates()
        .with_failure_rate(Percent::from_f64(ratio * 100.0))
        .with_minimum_calls(volume)
        .with_open_for(ms(&config["delay_ms"]))
        .with_probes(Probes::new(u32::try_from(successes).unwrap()))
        .with_window(Window::Count(volume))
}

/// Milliseconds; the kit's default delay is 5 s.
fn ms(value: &Value) -> Duration {
    Duration::from_millis(value.as_u64().unwrap_or(5_000))
}

async fn sequence(case: &Value) {
    let bench = Bench::new(breaker(&case["config"]));
    let (mut executions, mut since) = (0, Duration::ZERO);
    for step in array(&case["steps"]) {
        if step["sleep_ms"].is_u64() {
            since += ms(&step["sleep_ms"]);
            bench.at(since).await;
            continue;
        }
        let outcome = if step["service"] == "ok" { GOOD } else { BAD };
        let admitted = bench.quick(outcome);
        executions += u64::from(admitted);
        let found = match (admitted, outcome) {
            (false, _) => "circuit_open",
            (true, GOOD) => "ok",
            (true, _) => "service_error",
        };
        assert_eq!(step["expect"], found, "{step}");
    }
    assert_eq!(case["expect"]["executions"], executions);
}
