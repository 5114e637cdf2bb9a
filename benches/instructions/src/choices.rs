//! Choices among endpoints, without a request that is sent there.

use std::hint::black_box;
use std::sync::Arc;

use meshless::load_balance::{HashPolicy, LoadBalanceLayer, LoadBalancePolicy};
use meshless::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
use meshless::{Endpoint, Endpoints, Outcome};

use crate::stacks::{self, Calls, Case, READY};

/// Each choice with its end; the first is the loop around them.
pub(crate) fn all() -> Vec<Case> {
    vec![
        ("bare, choice", || {
            Box::new(|n| (0..n).for_each(|n| _ = black_box(n)))
        }),
        ("choice, least request of 1", || {
            chosen(LoadBalancePolicy::least_request(), 1)
        }),
        ("choice, least request", || {
            chosen(LoadBalancePolicy::least_request(), 1_000)
        }),
        ("choice, least request, watched", || {
            watched(LoadBalancePolicy::least_request())
        }),
        ("choice, kept", || {
            let layer = balance(LoadBalancePolicy::least_request(), 1_000);
            fastrand::seed(7);
            Box::new(move |n| (0..n).for_each(|_| std::mem::forget(black_box(layer.choose()))))
        }),
        ("choice, random", || {
            chosen(LoadBalancePolicy::random(), 1_000)
        }),
        ("choice, ring", || {
            let key = HashPolicy::header(http::header::HOST);
            chosen(LoadBalancePolicy::consistent_hash(key), 1_000)
        }),
        ("choice, round robin", || {
            chosen(LoadBalancePolicy::round_robin(), 1_000)
        }),
    ]
}

/// Whole calls, as those of the other layers.
pub(crate) fn calls() -> Vec<Case> {
    vec![
        ("load balance", || {
            stacks::calls(balance(LoadBalancePolicy::default(), 1_000), READY)
        }),
        ("load balance of 1", || {
            // Addressed to where it goes.
            let only = Endpoint::try_from("upstream.example").expect("an address");
            let layer =
                LoadBalanceLayer::new(LoadBalancePolicy::default(), Endpoints::fixed([only]));
            stacks::calls(layer, READY)
        }),
        ("load balance, off", || {
            stacks::calls(balance(LoadBalancePolicy::off(), 1), READY)
        }),
    ]
}

fn balance(policy: LoadBalancePolicy, count: usize) -> LoadBalanceLayer {
    LoadBalanceLayer::new(policy, endpoints(count))
}

fn endpoints(count: usize) -> Endpoints {
    let address = |n| format!("10.0.{}.{}:80", n / 256, n % 256);
    let endpoint = |n| Endpoint::try_from(address(n).as_str()).expect("an address");
    Endpoints::fixed((0..count).map(endpoint))
}

fn chosen(policy: LoadBalancePolicy, count: usize) -> Calls {
    let layer = balance(policy, count);
    // The thread's own, which is what a balancer asks unless it has a seed.
    fastrand::seed(7);
    Box::new(move |n| (0..n).for_each(|_| drop(black_box(layer.choose()))))
}

fn watched(policy: LoadBalancePolicy) -> Calls {
    let endpoints = endpoints(1_000);
    let detection = OutlierDetectionPolicy::default();
    let detector = OutlierDetector::with_observer(detection, endpoints.clone(), Arc::new(()));
    let layer = LoadBalanceLayer::new(policy, endpoints).with_endpoint_observer(detector);
    fastrand::seed(7);
    Box::new(move |n| {
        for _ in 0..n {
            let ticket = layer.choose().expect("there are endpoints");
            ticket.settle(Outcome::SUCCESS);
        }
    })
}
