//! The `Debug` of a stack, a layer, a service or a policy is for a log line.

use std::fmt::Debug;
use std::time::Duration;

use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::mirror::{MirrorLayer, MirrorPolicy};
use meshless::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy, RateLimiter};
use meshless::retry::{RetryLayer, RetryPolicy};
use meshless::telemetry::{TraceAttemptLayer, TraceClientLayer, TracePolicy, TraceServerLayer};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{Destination, Route, TrafficSplitLayer, TrafficSplitPolicy};
use meshless::{Endpoint, Endpoints};
use tower::{Layer, ServiceBuilder};

use crate::support::Upstream;

/// Length in characters that a log line has room for.
const MOST: usize = 400;

fn check<T: Debug>(name: &str, value: &T, too_long: &mut Vec<String>) {
    let text = format!("{value:?}");
    let length = text.chars().count();
    if length > MOST {
        let head: String = text.chars().take(600).collect();
        too_long.push(format!("{name}, {length} characters: {head}"));
    }
}

macro_rules! check_all {
    ($all:ident: $($value:expr),* $(,)?) => {
        $(check(stringify!($value), &$value, &mut $all);)*
    };
}

/// Checks a layer, and the service that it makes.
macro_rules! check_layers {
    ($all:ident: $($layer:expr),* $(,)?) => {
        $(
            check(stringify!($layer), &$layer, &mut $all);
            check(stringify!($layer), &$layer.layer(Upstream::new()), &mut $all);
        )*
    };
}

#[test]
fn every_stack_layer_service_and_policy_fits_a_log_line() {
    let mut too_long = Vec::new();
    let endpoints = || {
        let all = (0..50).map(|n| Endpoint::try_from(format!("10.0.0.{n}:80").as_str()).unwrap());
        Endpoints::fixed(all)
    };
    let split = || TrafficSplitPolicy::new([Route::to(Destination::new("users"))]);
    check_layers!(too_long:
        meshless::inbound(),
        meshless::outbound(),
        meshless::outbound().per_host(),
        CircuitBreakerLayer::default(),
        ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(10)),
        FaultInjectionLayer::new(FaultInjectionPolicy::off()),
        LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints()),
        MirrorLayer::new(MirrorPolicy::default(), Upstream::new()),
        RateLimitLayer::new(RateLimitPolicy::per_minute(10)),
        RetryLayer::default(),
        TimeoutLayer::new(TimeoutPolicy::total(Duration::from_secs(5))),
        TraceAttemptLayer::default(),
        TraceClientLayer::default(),
        TraceServerLayer::default(),
        TrafficSplitLayer::new(split()),
    );
    check_all!(too_long:
        OutlierDetector::new(OutlierDetectionPolicy::default(), endpoints()),
        RateLimiter::new(RateLimitPolicy::per_minute(10)),
        CircuitBreakerPolicy::default(),
        ConcurrencyLimitPolicy::new(10),
        FaultInjectionPolicy::off(),
        LoadBalancePolicy::default(),
        MirrorPolicy::default(),
        OutlierDetectionPolicy::default(),
        RateLimitPolicy::per_minute(10),
        RetryPolicy::default(),
        TimeoutPolicy::default(),
        TracePolicy::default(),
        split(),
    );
    let five = ServiceBuilder::new()
        .layer(TimeoutLayer::new(TimeoutPolicy::total(
            Duration::from_secs(5),
        )))
        .layer(RetryLayer::default())
        .layer(CircuitBreakerLayer::default())
        .layer(RateLimitLayer::new(RateLimitPolicy::per_minute(10)))
        .layer(ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(10)));
    check("five by hand", &five, &mut too_long);
    check("five by hand", &five.service(()), &mut too_long);
    #[cfg(feature = "reqwest")]
    {
        let transport = meshless::client::Transport::from(reqwest::Client::new());
        check("transport", &transport, &mut too_long);
        let client = meshless::client::Client::new(meshless::outbound().layer(transport));
        check("client", &client, &mut too_long);
        check("request", &client.get("http://a/"), &mut too_long);
        check("boxed client", &client.boxed(), &mut too_long);
    }
    #[cfg(feature = "istio")]
    {
        let mesh = meshless::Mesh::from_yaml("").unwrap();
        check("mesh", &mesh, &mut too_long);
        let workload = mesh.workload("a", "b");
        check("workload", &workload, &mut too_long);
        let outbound: meshless::mesh::WorkloadService<_, http_body_util::Empty<bytes::Bytes>> =
            workload.outbound(Upstream::new());
        check("workload's client", &outbound, &mut too_long);
        check("server", &workload.server(), &mut too_long);
        check(
            "server",
            &workload.server().layer(Upstream::new()),
            &mut too_long,
        );
    }
    assert!(too_long.is_empty(), "{too_long:#?}");
}

#[test]
fn the_text_of_a_stack_says_what_it_does_now() {
    let outbound = meshless::outbound();
    outbound.circuit_breaker().force_open();
    let text = format!("{outbound:?}");
    assert!(text.contains("in_flight: 0"), "{text}");
    assert!(text.contains("Open"), "{text}");
    let layer = format!("{:?}", RetryLayer::new(RetryPolicy::new(3)));
    assert!(layer.contains("attempts: 3"), "{layer}");
}
