//! The policy of a layer, before and after it is replaced.

use std::fmt::Debug;
use std::time::Duration;

use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::{LoadBalance, LoadBalanceLayer, LoadBalancePolicy};
use meshless::mirror::{MirrorLayer, MirrorPolicy};
use meshless::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy, RateLimiter};
use meshless::retry::{RetryLayer, RetryPolicy};
use meshless::telemetry::{TraceAttemptLayer, TraceClientLayer, TracePolicy, TraceServerLayer};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{
    Destination, Route, TrafficSplit, TrafficSplitLayer, TrafficSplitPolicy,
};
use meshless::{Endpoint, Endpoints, Percent};

/// Asserts that each type returns its first policy, and then the one that replaced it, from a clone too.
macro_rules! assert_current {
    ($($make:expr => $first:expr, $second:expr;)*) => {
        $({
            let (first, second) = (shown(&$first), shown(&$second));
            assert_ne!(first, second);
            let layer = $make($first);
            assert_eq!(shown(&layer.policy()), first, stringify!($make));
            layer.clone().reconfigure($second);
            assert_eq!(shown(&layer.policy()), second, stringify!($make));
        })*
    };
}

/// Not all policies can be compared: some hold functions.
fn shown(policy: &impl Debug) -> String {
    format!("{policy:?}")
}

fn endpoints() -> Endpoints {
    Endpoints::fixed([Endpoint::try_from("10.0.0.1:80").unwrap()])
}

#[test]
fn a_layer_returns_the_policy_that_replaced_its_first() {
    let routes =
        |count| TrafficSplitPolicy::new((0..count).map(|_| Route::to(Destination::new("a"))));
    assert_current! {
        CircuitBreakerLayer::new =>
            CircuitBreakerPolicy::default(), CircuitBreakerPolicy::off();
        ConcurrencyLimitLayer::new =>
            ConcurrencyLimitPolicy::new(1), ConcurrencyLimitPolicy::new(2);
        FaultInjectionLayer::new =>
            FaultInjectionPolicy::off(),
            FaultInjectionPolicy::off().with_delay(Percent::ALL, Duration::from_secs(1));
        |policy| LoadBalanceLayer::new(policy, endpoints()) =>
            LoadBalancePolicy::round_robin(), LoadBalancePolicy::off();
        |policy| LoadBalance::new(policy, endpoints(), |_| ()) =>
            LoadBalancePolicy::round_robin(), LoadBalancePolicy::off();
        |policy| MirrorLayer::new(policy, ()) =>
            MirrorPolicy::new(Percent::ALL), MirrorPolicy::off();
        |policy| OutlierDetector::new(policy, endpoints()) =>
            OutlierDetectionPolicy::default(), OutlierDetectionPolicy::off();
        RateLimitLayer::new => RateLimitPolicy::off(), RateLimitPolicy::per_minute(1);
        RateLimiter::new => RateLimitPolicy::off(), RateLimitPolicy::per_minute(1);
        RetryLayer::new => RetryPolicy::default(), RetryPolicy::off();
        TimeoutLayer::new => TimeoutPolicy::off(), TimeoutPolicy::total(Duration::from_secs(1));
        TraceAttemptLayer::new => TracePolicy::default(), TracePolicy::off();
        TraceClientLayer::new => TracePolicy::default(), TracePolicy::off();
        TraceServerLayer::new => TracePolicy::default(), TracePolicy::off();
        |policy| TrafficSplit::new(policy, [(Destination::new("a"), ())]) =>
            routes(1), routes(2);
        TrafficSplitLayer::new => routes(1), routes(2);
    }
}

#[test]
fn weights_that_are_set_are_part_of_the_policy() {
    let canary = [(Destination::new("a"), 9), (Destination::new("b"), 1)];
    let policy = TrafficSplitPolicy::new([Route::split(canary).unwrap()]);
    let layer = TrafficSplitLayer::new(policy.clone());
    layer.set_weights(0, [1, 9]).unwrap();
    let expected = policy.with_weights(0, [1, 9]).unwrap();
    assert_eq!(shown(&layer.policy()), shown(&expected));
}
