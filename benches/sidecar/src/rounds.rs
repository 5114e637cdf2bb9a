//! All targets in turns.

use std::time::{Duration, Instant};

use crate::client::{Pace, call, outbound};
use crate::process::cpu;
use crate::target::Target;

/// How much is measured.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) connections: u32,
    /// Requests a second, all connections together; 0 is as many as there can be.
    pub(crate) rate: f64,
    pub(crate) rounds: u32,
    /// For each target in each round.
    pub(crate) seconds: f64,
    pub(crate) server: u32,
}

/// One target in one round. Times are in microseconds, CPU is for each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) client: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) proxies: f64,
    pub(crate) requests: f64,
    pub(crate) server: f64,
}

impl Sample {
    pub(crate) fn all_cpu(&self) -> f64 {
        self.client + self.proxies + self.server
    }
}

/// Returns the samples of each target, round by round. The first round only warms up.
pub(crate) async fn run(plan: &Plan, targets: &[Target]) -> Vec<Vec<Sample>> {
    let mut samples = vec![Vec::new(); targets.len()];
    for round in 0..=plan.rounds {
        for (target, samples) in targets.iter().zip(&mut samples) {
            let sample = sample(plan, target).await;
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    samples
}

async fn sample(plan: &Plan, target: &Target) -> Sample {
    let spent = || {
        let proxies: f64 = target.proxies.iter().map(|pid| cpu(*pid)).sum();
        [cpu(std::process::id()), cpu(plan.server), proxies]
    };
    let (before, start) = (spent(), Instant::now());
    let until = start + Duration::from_secs_f64(plan.seconds);
    // One stack, whatever number of connections: its state is shared.
    let stack = target.outbound.then(outbound);
    let calls: Vec<_> = (0..plan.connections)
        .map(|_| {
            let pace = Pace::new(plan.rate, plan.connections);
            tokio::spawn(call(target.port, stack.clone(), until, pace))
        })
        .collect();
    let mut took = Vec::new();
    for call in calls {
        took.extend(call.await.expect("calls that go well"));
    }
    let (seconds, after) = (start.elapsed().as_secs_f64(), spent());
    took.sort_unstable();
    let requests = f64::from(u32::try_from(took.len()).expect("fewer"));
    let cpu = |at: usize| (after[at] - before[at]) / requests / 1e3;
    Sample {
        client: cpu(0),
        p50: percentile(&took, 50),
        p99: percentile(&took, 99),
        proxies: cpu(2),
        requests: requests / seconds,
        server: cpu(1),
    }
}

fn percentile(sorted: &[u32], percent: usize) -> f64 {
    f64::from(sorted[(sorted.len() - 1) * percent / 100]) / 1e3
}
