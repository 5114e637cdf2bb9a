//! What a call allocates: nothing, but for what a request that may be retried needs, and values of
//! headers that nobody can know beforehand.
//!
//! A PUT with 8 headers and a small body, the answer's body read to its end, the service cloned or not.
//! What a bare service and the request itself allocate is taken off.

#[allow(
    dead_code,
    reason = "the counts of instructions and the benches use the rest of it"
)]
#[path = "../../benches/stacks/mod.rs"]
mod stacks;

use std::collections::BTreeMap;

use allocation_counter::measure;

const CALLS: u64 = 100;

/// What is kept of a request that may be sent again. The bytes of its head lie where those of an earlier one
/// did, and the body needs a box only if it is read.
const KEPT: u64 = 1;
/// A header map with 8 headers has no room for a ninth.
const ROOM_FOR_HEADERS: u64 = 1;
/// The new `traceparent`.
const TRACE: u64 = 1;

/// Returns what each case allocates for a call, above what a bare service does.
fn allocations() -> BTreeMap<&'static str, u64> {
    let all = stacks::all().into_iter().chain(counted());
    let counts = all.map(|(name, make)| {
        let mut calls = make();
        // What is made once, such as a thread's own state.
        calls(10);
        let info = measure(|| calls(CALLS));
        (name, info.count_total)
    });
    let mut counts: BTreeMap<_, _> = counts.collect();
    let bare = counts["bare"];
    for count in counts.values_mut() {
        let above = *count - bare;
        assert_eq!(above % CALLS, 0, "each call allocates the same");
        *count = above / CALLS;
    }
    counts
}

/// Returns the cases whose calls are counted by Istio's metrics.
#[cfg(feature = "prometheus")]
fn counted() -> Vec<stacks::Case> {
    use meshless::prometheus::Metrics;

    vec![
        ("inbound, metrics", || {
            let stack = meshless::inbound().with_observer(Metrics::default().observer());
            stacks::calls(stack, stacks::READY)
        }),
        ("outbound, metrics", || {
            let stack = meshless::outbound().named("upstream");
            let stack = stack.with_observer(Metrics::default().observer());
            stacks::calls(stack, stacks::READY)
        }),
    ]
}

#[cfg(not(feature = "prometheus"))]
fn counted() -> Vec<stacks::Case> {
    Vec::new()
}

#[tokio::test]
async fn a_call_allocates_only_what_it_must() {
    // Of the headers only `traceparent` is written by default.
    let traced = KEPT + ROOM_FOR_HEADERS + TRACE;
    let expected = [
        ("retry, armed", KEPT),
        ("retry, unsafe method", KEPT),
        ("trace attempt", ROOM_FOR_HEADERS + TRACE),
        ("trace client", ROOM_FOR_HEADERS + TRACE),
        ("five by hand", KEPT),
        ("five by hand, pending once", KEPT),
        ("five by hand, cloned per call", KEPT),
        ("outbound", traced),
        ("outbound per host", traced),
        ("outbound, metrics", traced),
        ("outbound, pending once", traced),
        ("outbound, cloned per call", traced),
    ];
    let expected = BTreeMap::from(expected);
    let counted = allocations();
    let wrong: Vec<_> = counted
        .iter()
        .map(|(name, count)| (name, *count, expected.get(name).copied().unwrap_or(0)))
        .filter(|(_, count, expected)| count != expected)
        .collect();
    assert!(wrong.is_empty(), "(case, counted, expected): {wrong:#?}");
}
