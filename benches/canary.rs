//! Ends of 2,000 seeded rollouts of each kind: `cargo bench --bench canary`, or another number as
//! `cargo bench --bench canary -- 200`.

#[path = "../tests/support/canary.rs"]
mod simulation;

use simulation::Canaries::{Hangs, Slower, Worse};
use simulation::{Case, LONG};

fn main() {
    let runs = std::env::args().find_map(|argument| argument.parse().ok());
    let runs = runs.unwrap_or(2_000);
    println!(
        "{:28} {:>5} | {:>7} {:>8} {:>8} {:>8} | {:>7} {:>8} | {:>7} {:>8}",
        "case",
        "req/s",
        "abort %",
        "p50 s",
        "p90 s",
        "p99 s",
        "prom. %",
        "p50 s",
        "open %",
        "common %"
    );
    for case in cases() {
        println!("{:28} {:5} | {}", case.name, case.rate, case.run(runs));
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for rate in [1.0, 10.0, 50.0, 200.0, 1_000.0] {
        cases.push(Case::new("equal at 0.1 %", rate, 0.001, Worse(0.0)));
        cases.push(Case::new("equal at 1 %", rate, 0.01, Worse(0.0)));
        cases.push(Case::new("equal at 5 %", rate, 0.05, Worse(0.0)));
        cases.push(Case::new("worse by 1 point", rate, 0.001, Worse(0.01)));
        cases.push(Case::new("worse by 5 points", rate, 0.001, Worse(0.05)));
        cases.push(Case::new("worse by 50 points", rate, 0.001, Worse(0.5)));
        cases.push(Case::new("dead, refuses", rate, 0.001, Worse(1.0)));
    }
    let mut late = Case::new("5 points, from 300 s on", 50.0, 0.001, Worse(0.05));
    (late.from, late.steps) = (300.0, LONG);
    let mut outage = Case::new("common outage of 50 %", 50.0, 0.001, Worse(0.0));
    outage.outage = 0.5;
    cases.extend([
        late,
        outage,
        Case::new("dead, no answer", 50.0, 0.001, Hangs),
        Case::new("equal latencies", 50.0, 0.001, Slower(1.0)),
        Case::new("slower by 20 %", 50.0, 0.001, Slower(1.2)),
        Case::new("slower by 20 %", 200.0, 0.001, Slower(1.2)),
    ]);
    cases
}
