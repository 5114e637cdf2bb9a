//! What remains of a limit, from the tests of Envoy's resource manager.

use futures_util::FutureExt;
use meshless::Rejection;
use meshless::concurrency_limit::Overflow;
use meshless::concurrency_limit::{
    ConcurrencyLimitLayer, ConcurrencyLimitPolicy, ConcurrencyLimitTicket,
};
use serde_json::Value;

use crate::vectors::tally::{Tally, load};

#[tokio::test]
async fn envoy_circuit_breaker_cases() {
    let mut tally = Tally::default();
    let file = load("envoy_router_outcomes.json");
    for case in file["circuit_breaker_cases"].as_array().unwrap() {
        let limits = &case["limits"];
        let policy = ConcurrencyLimitPolicy::new(count(&limits["max_requests"]))
            .with_max_pending(count(&limits["max_pending_requests"]));
        if case["steps"].is_array() {
            requests(&policy, case);
            pending(&policy, case);
        }
        if case["expect_can_create"].is_object() {
            let expect = &case["expect_can_create"];
            let limit = ConcurrencyLimitLayer::new(policy.clone());
            assert_eq!(limit.try_acquire().is_ok(), expect["requests"] == true);
            let may_wait = ConcurrencyLimitLayer::new(policy.with_max_in_flight(1));
            let _running = may_wait.try_acquire().unwrap();
            let waits = may_wait.acquire().now_or_never().is_none();
            assert_eq!(waits, expect["pending_requests"] == true);
        }
        tally.ran();
    }
    tally.assert(2, 0);
}

/// The steps of a case that are about `resource`. Those about connections, which are the
/// client's affair, and about retries are no part of this limit.
fn steps<'a>(case: &'a Value, resource: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let steps = case["steps"].as_array().unwrap().iter();
    let about = steps.filter(move |step| step[0] == resource);
    about.map(|step| (step[1].as_str().unwrap(), &step[2]))
}

fn requests(policy: &ConcurrencyLimitPolicy, case: &Value) {
    let limit = ConcurrencyLimitLayer::new(policy.clone());
    let mut permits: Vec<ConcurrencyLimitTicket> = Vec::new();
    for (step, expect) in steps(case, "requests") {
        match step {
            "inc" => permits.push(limit.try_acquire().unwrap()),
            _ => drop(permits.pop()),
        }
        let remaining = policy.max_in_flight() - limit.in_flight();
        assert_eq!(remaining, count(&expect["remaining"]));
        assert_eq!(limit.try_acquire().is_ok(), remaining > 0);
    }
}

fn pending(policy: &ConcurrencyLimitPolicy, case: &Value) {
    let limit = ConcurrencyLimitLayer::new(policy.clone());
    let _running: Vec<_> = (0..policy.max_in_flight())
        .map(|_| limit.try_acquire().unwrap())
        .collect();
    let mut waiting = Vec::new();
    for (step, expect) in steps(case, "pending_requests") {
        match step {
            "inc" => {
                let mut wait = Box::pin(limit.acquire());
                assert!(wait.as_mut().now_or_never().is_none());
                waiting.push(wait);
            }
            _ => drop(waiting.pop()),
        }
        let remaining = policy.max_pending() - limit.pending();
        assert_eq!(remaining, count(&expect["remaining"]));
        if remaining == 0 {
            let next = limit.acquire().now_or_never();
            let full = Rejection::Overflow(Overflow::Pending(policy.max_pending()));
            assert_eq!(next.unwrap().unwrap_err(), full);
        }
    }
}

fn count(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}
