//! gRPC's outlier detection (proposal A50). Envoy's scripts are played on the machine itself, in the
//! module: they set times that are on no grid.
#![expect(
    clippy::cast_possible_truncation,
    reason = "the cases' numbers are small"
)]

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use meshless::load_balance::EndpointObserver;
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy, SlowStart};
use meshless::outlier_detection::{
    FailurePercentage, OutlierDetectionPolicy, OutlierDetector, SuccessRate,
};
use meshless::{Endpoint, Endpoints, Outcome, Percent};
use serde_json::Value;
use tokio::time::{Instant, advance};
use tower::{Layer, ServiceExt, service_fn};

use crate::vectors::tally::{Tally, load};

#[tokio::test(start_paused = true)]
async fn grpc_outlier_cases() {
    let mut tally = Tally::default();
    for case in load("grpc_outlier.json")["cases"].as_array().unwrap() {
        println!("{}", case["name"]);
        match case["name"].as_str().unwrap() {
            "e2e_failure_percentage" => traffic(case).await,
            "interval_change" => timers(case).await,
            _ => rates(case).await,
        }
        tally.ran();
    }
    tally.assert(5, 0);
}

async fn rates(case: &Value) {
    let hosts = number(&case["input"]["hosts"]) as usize;
    let failing = number(&case["input"]["failing_hosts"]) as usize;
    // Where a case does not say, it is as in the others.
    let calls = case["input"]["calls_per_host"].as_u64().unwrap_or(5);
    let all = endpoints(hosts);
    let detector = OutlierDetector::new(policy(&case["config"]), all.clone());
    for (index, endpoint) in all.to_vec().iter().enumerate() {
        let status = if index < failing {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        };
        for _ in 0..calls {
            detector.report(endpoint, Outcome::Status(status));
        }
    }
    advance(Duration::from_secs(10)).await;
    detector.sweep(Instant::now().into_std());
    let ejections = number(&case["expect"]["ejections"]);
    assert_eq!(detector.stats().ejected as u64, ejections);
}

/// Three endpoints in turn, then two, then three again.
async fn traffic(case: &Value) {
    let all = endpoints(3);
    let policy = policy(&case["config"]);
    let detector = OutlierDetector::new(policy, all.clone());
    let turns = LoadBalancePolicy::round_robin().with_slow_start(SlowStart::off());
    let layer = LoadBalanceLayer::new(turns, all.clone()).with_endpoint_observer(detector);
    let service = layer.layer(service_fn(|request: Request<()>| async move {
        let mut response = Response::new(Empty::<Bytes>::new());
        if request.uri().authority().unwrap().as_str() == "10.0.0.2:80" {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        Ok::<_, Infallible>(response)
    }));
    let mut good = Vec::new();
    for wait in [0, 50, 100] {
        advance(Duration::from_millis(wait)).await;
        let mut count = 0;
        for _ in 0..30 {
            let request = Request::get("http://users/").body(()).unwrap();
            let response = service.clone().oneshot(request).await.unwrap();
            count += u64::from(response.status().is_success());
        }
        good.push(count);
    }
    assert_eq!(good, [20, 30, 20]);
    assert_eq!(
        case["expect"]["traffic_sequence"].as_array().unwrap().len(),
        3
    );
}

/// A new interval takes effect with what is left of it.
async fn timers(case: &Value) {
    let every = |seconds| {
        OutlierDetectionPolicy::default()
            .with_interval(Duration::from_secs(seconds))
            .with_base_ejection_time(Duration::from_secs(1))
    };
    let all = endpoints(2);
    let first = all.to_vec()[0].clone();
    let detector = OutlierDetector::new(every(8), all.clone());
    for _ in 0..5 {
        detector.report(&first, Outcome::Status(StatusCode::BAD_GATEWAY));
    }
    advance(Duration::from_secs(5)).await;
    detector.reconfigure(every(9));
    let mut waited = 0;
    while all.is_ejected(&first) {
        advance(Duration::from_secs(1)).await;
        detector.sweep(Instant::now().into_std());
        waited += 1;
    }
    assert_eq!(waited, number(&case["expect"]["timers_s"][1]));
    detector.reconfigure(OutlierDetectionPolicy::off());
}

fn policy(config: &Value) -> OutlierDetectionPolicy {
    let percent = |value: &Value| Percent::new(number(value) as u8);
    let time = |value: &Value, default| {
        let seconds = value
            .as_str()
            .map(|text| text.trim_end_matches('s').parse().unwrap());
        Duration::from_secs_f64(seconds.unwrap_or(default))
    };
    let mut policy = OutlierDetectionPolicy::default()
        .with_consecutive_5xx(0)
        .with_interval(time(&config["interval"], 10.0))
        .with_base_ejection_time(time(&config["baseEjectionTime"], 30.0))
        .with_max_ejection_time(time(&config["maxEjectionTime"], 300.0))
        .with_max_ejection_percent(percent(&config["maxEjectionPercent"]));
    let by_failures = &config["failurePercentageEjection"];
    if by_failures.is_object() {
        policy = policy.with_failure_percentage(
            FailurePercentage::new(percent(&by_failures["threshold"]))
                .with_enforcing(percent(&by_failures["enforcementPercentage"]))
                .with_min_hosts(number(&by_failures["minimumHosts"]) as u32)
                .with_request_volume(number(&by_failures["requestVolume"])),
        );
    }
    let by_rate = &config["successRateEjection"];
    if by_rate.is_object() {
        policy = policy.with_success_rate(
            SuccessRate::new()
                .with_enforcing(percent(&by_rate["enforcementPercentage"]))
                .with_stdev_factor(number(&by_rate["stdevFactor"]) as u32)
                .with_min_hosts(number(&by_rate["minimumHosts"]) as u32)
                .with_request_volume(number(&by_rate["requestVolume"])),
        );
    }
    policy
}

fn endpoints(count: usize) -> Endpoints {
    let address = |n| format!("10.0.0.{n}:80");
    Endpoints::fixed((0..count).map(|n| Endpoint::try_from(address(n).as_str()).unwrap()))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}
