use std::time::{Duration, Instant};

use super::evidence::Evidence;
use super::latencies::Latencies;
use crate::policies::canary::Check;
use crate::policies::canary::counts::{Tally, float};
use crate::policies::canary::verdict::Report;

/// State of one check.
#[derive(Clone, Debug)]
pub(super) struct CheckState {
    pub(super) evidence: Evidence,
    pub(super) latencies: Option<Latencies>,
    /// The stable version's quantile at the start of the span: bets may use only what was known then.
    pub(super) slow_above: Option<u64>,
    canary: Recent,
    stable: Recent,
}

/// Counts over the whole rollout, and those of late.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    all: Tally,
    bad: f64,
    requests: f64,
}

/// Time in which old counts lose half their weight.
const HALF_LIFE: Duration = Duration::from_secs(20);

/// Requests of late without which an outage is no statement.
const LEAST: f64 = 20.0;

impl CheckState {
    pub(super) fn new(check: &Check, now: Instant) -> Self {
        Self {
            evidence: Evidence::new(now),
            latencies: check.quantile().map(|_| Latencies::new()),
            slow_above: None,
            canary: Recent::default(),
            stable: Recent::default(),
        }
    }

    pub(super) fn add(&mut self, check: &Check, canary: Tally, stable: Tally) {
        self.evidence.bet(check, canary, stable);
        self.canary.add(canary);
        self.stable.add(stable);
    }

    /// Begins the next span, `elapsed` after the last one.
    pub(super) fn next_span(&mut self, check: &Check, elapsed: Duration, now: Instant) {
        self.evidence.restart(check, now);
        let kept = 0.5_f64.powf(elapsed.as_secs_f64() / HALF_LIFE.as_secs_f64());
        self.canary.decay(kept);
        self.stable.decay(kept);
        let latencies = self.latencies.as_ref().zip(check.quantile());
        self.slow_above = latencies.and_then(|(latencies, of)| latencies.quantile(of));
    }

    /// Returns the shares of bad requests of late, canary and stable; `None` if they are too few.
    pub(super) fn recent(&self) -> Option<(f64, f64)> {
        let known = self.stable.requests >= LEAST && self.canary.requests >= 1.0;
        known.then(|| (self.canary.share(), self.stable.share()))
    }

    /// Returns the counts of the stable version over the whole rollout.
    pub(super) const fn stable(&self) -> Tally {
        self.stable.all
    }

    pub(super) fn report(&self, check: &Check, threshold: f64) -> Report {
        let (canary, stable) = (self.canary.all, self.stable.all);
        let mean = |tally: Tally| Duration::from_secs_f64(tally.mean_clipped() / 1e6);
        Report {
            canary,
            check: check.name().into(),
            e_value: self.evidence.value(),
            highest: self.evidence.highest(),
            means: check.bound().map(|_| (mean(canary), mean(stable))),
            stable,
            threshold,
        }
    }
}

impl Recent {
    fn add(&mut self, tally: Tally) {
        self.all.merge(tally);
        self.bad += float(tally.bad());
        self.requests += float(tally.requests());
    }

    fn decay(&mut self, kept: f64) {
        self.bad *= kept;
        self.requests *= kept;
    }

    fn share(self) -> f64 {
        self.bad / self.requests.max(1.0)
    }
}
