//! Test vectors of Netflix's concurrency-limits, and the gradient step by step.

#![expect(
    clippy::float_cmp,
    reason = "the limits of the vectors are whole numbers"
)]

use serde_json::Value;

use super::window::Window;
use super::*;

const TEXT: &str = include_str!("../../../../tests/vectors/concurrency_limits.json");

fn window(latency: u64, peak: u32, refused: u32, samples: u32) -> Window {
    Window {
        elapsed: Duration::from_millis(100),
        latency: Some(Duration::from_millis(latency)),
        overloads: 0,
        samples,
        traffic: Traffic { peak, refused },
    }
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

#[test]
fn netflix_concurrency_limits() {
    let file: Value = serde_json::from_str(TEXT).unwrap();
    let mut ran = 0;
    for group in file["groups"].as_array().unwrap() {
        for case in group["cases"].as_array().unwrap() {
            let config = &case["config"];
            let mut limit = f64::from(number(&config["init"]).unwrap());
            let max = f64::from(number(&config["max"]).unwrap_or(200));
            let mut vegas = Vegas::default();
            if config["decrease"] == "x/2" {
                vegas = vegas.with_smoothing(config["smoothing"].as_f64().unwrap(), |l| l / 2.0);
            }
            let expected = case["expect_limits"].as_array().unwrap();
            for (sample, expected) in case["samples"].as_array().unwrap().iter().zip(expected) {
                let rtt = sample["rtt_ms"].as_u64().unwrap();
                let window = Window {
                    overloads: (sample["drop"] == true).into(),
                    ..window(rtt, number(&sample["inflight"]).unwrap(), 0, 1)
                };
                limit = match group["name"].as_str().unwrap() {
                    "aimd" => aimd::update(&window, limit).min(max),
                    "vegas" => vegas.update(&window, limit, max),
                    other => panic!("{other}"),
                };
                assert_eq!(limit.floor(), expected.as_f64().unwrap(), "{case}");
            }
            ran += 1;
        }
    }
    assert_eq!(ran, 5);
}

#[test]
fn aimd_gives_up_a_tenth_after_an_overload() {
    let overload = Window {
        overloads: 1,
        ..window(1, 10, 0, 1)
    };
    assert_eq!(aimd::update(&overload, 20.0), 18.0);
}

#[test]
fn gradient2_shrinks_while_latency_is_above_its_average_and_holds_while_idle() {
    let mut gradient2 = Gradient2::default();
    let mut limit = 20.0;
    for _ in 0..20 {
        limit = gradient2.update(&window(10, 20, 0, 50), limit);
    }
    assert!(limit > 20.0, "{limit}");
    assert_eq!(gradient2.update(&window(10, 5, 0, 50), limit), limit);
    let before = limit;
    for _ in 0..20 {
        limit = gradient2.update(&window(100, 40, 0, 50), limit);
    }
    assert!(limit < before, "{limit}");
}

const PROBE_INTERVAL: Duration = Duration::from_secs(10);

#[test]
fn the_gradient_is_envoys_formula() {
    let now = crate::foundation::time::clock::now();
    let mut gradient = Gradient::default();
    // minimum 10 ms: the gradient is the buffer.
    let limit = gradient.update(&window(10, 20, 0, 50), 20.0, PROBE_INTERVAL, now);
    assert_eq!(limit, 25.0 + 5.0);
    // 10 ms × 1.25 / 50 ms is below the least gradient, 0.5.
    let limit = gradient.update(&window(50, 32, 0, 50), 32.0, PROBE_INTERVAL, now);
    assert_eq!(limit, 16.0 + 4.0);
    let idle = gradient.update(&window(10, 9, 0, 50), 20.0, PROBE_INTERVAL, now);
    assert_eq!(idle, 20.0);
}

#[test]
fn an_overload_from_the_start_is_probed_until_the_latency_no_longer_falls() {
    let now = crate::foundation::time::clock::now();
    let mut gradient = Gradient::default();
    let mut limit: f64 = 40.0;
    // 8 workers of 10 ms: with a full limit the latency is that of its queue.
    let mut windows = 0;
    loop {
        let busy = limit.clamp(0.0, 8.0);
        let latency = Duration::from_secs_f64(0.01 * limit / busy);
        let full = Window {
            latency: Some(latency),
            samples: 10 * 8,
            ..window(0, 40, 100, 0)
        };
        limit = gradient.update(&full, limit, PROBE_INTERVAL, now);
        windows += 1;
        if gradient.not_before().is_none() {
            break;
        }
    }
    let minimum = gradient.minimum().unwrap();
    assert!(minimum <= Duration::from_millis(11), "{minimum:?}");
    assert!((10.0..16.0).contains(&limit), "{limit}");
    assert!(windows < 30, "{windows}");
}

#[test]
fn nothing_is_probed_while_nothing_is_refused() {
    let mut now = crate::foundation::time::clock::now();
    let mut gradient = Gradient::default();
    for _ in 0..10_000 {
        now += Duration::from_millis(100);
        gradient.update(&window(10, 10, 0, 50), 20.0, PROBE_INTERVAL, now);
        assert_eq!(gradient.not_before(), None);
    }
}
