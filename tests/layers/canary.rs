//! Seeded rollouts of the canary's machine; `cargo bench --bench canary` makes 2,000 of each kind.

#[path = "../support/canary.rs"]
mod simulation;

use simulation::Canaries::{Hangs, Slower, Worse};
use simulation::{Case, Ends, LONG};

/// Rollouts of a kind: few, since they are slow in a debug build.
const RUNS: usize = 40;

/// Requests a second.
const RATE: f64 = 50.0;

fn withdrawn(case: Case, median: f64) -> Ends {
    let ends = case.run(RUNS);
    assert_eq!(ends.aborted.len(), RUNS, "{}: {ends}", case.name);
    assert!(ends.abort_time(0.5) <= median, "{}: {ends}", case.name);
    ends
}

#[test]
fn equal_versions_are_promoted_but_for_one_percent() {
    for stable in [0.001, 0.01, 0.05] {
        for rate in [10.0, RATE] {
            let ends = Case::new("equal", rate, stable, Worse(0.0)).run(RUNS);
            assert!(ends.aborted.len() <= 2, "{rate}, {stable}: {ends}");
            assert_eq!(ends.promoted.len() + ends.aborted.len(), RUNS, "{ends}");
        }
    }
}

#[test]
fn five_percent_of_errors_withdraw_the_canary_in_fifteen_seconds() {
    withdrawn(Case::new("5 points", RATE, 0.001, Worse(0.05)), 15.0);
}

#[test]
fn fifty_percent_of_errors_withdraw_the_canary_in_two_seconds() {
    withdrawn(Case::new("50 points", RATE, 0.001, Worse(0.5)), 2.0);
    withdrawn(Case::new("refuses", RATE, 0.001, Worse(1.0)), 1.5);
}

#[test]
fn a_canary_without_answers_is_withdrawn_when_they_are_overdue() {
    let ends = withdrawn(Case::new("no answer", RATE, 0.001, Hangs), 12.0);
    assert!(ends.abort_time(0.0) >= 10.0, "{ends}");
}

#[test]
fn a_canary_that_fails_after_minutes_is_withdrawn_in_half_a_minute() {
    let mut case = Case::new("late", RATE, 0.001, Worse(0.05));
    (case.from, case.steps) = (300.0, LONG);
    let ends = withdrawn(case, 30.0);
    assert!(ends.abort_time(0.0) >= 0.0, "{ends}");
}

#[test]
fn a_common_outage_is_not_blamed_on_the_canary() {
    let mut case = Case::new("outage", RATE, 0.001, Worse(0.0));
    case.outage = 0.5;
    let ends = case.run(RUNS);
    assert!(ends.aborted.len() <= 2, "{ends}");
    assert_eq!(ends.common_cause, RUNS, "{ends}");
}

#[test]
fn a_canary_that_is_slower_by_a_fifth_is_withdrawn() {
    withdrawn(Case::new("slower", 200.0, 0.001, Slower(1.2)), 30.0);
}
