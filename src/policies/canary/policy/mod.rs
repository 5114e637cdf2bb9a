pub(super) mod check;
pub(super) mod sample;
pub(super) mod step;

use std::time::Duration;

use check::Check;
use step::Step;

use crate::foundation::sync::Percent;

/// Steps of a rollout, and the comparison that decides about it.
///
/// By default there are no steps, so that a canary is promoted at once: set them. The check is that
/// of failed requests, with a false-abort rate of 1 % over the whole rollout.
#[derive(Clone, Debug)]
pub struct CanaryPolicy {
    after_hold: AfterHold,
    analysis_from: usize,
    answer_within: Duration,
    checks: Vec<Check>,
    common_cause: Percent,
    detectable_excess: Percent,
    false_abort_rate: Percent,
    maximum_hold: Duration,
    minimum_requests: u32,
    return_over: Duration,
    steps: Vec<Step>,
}

/// Consequence of a hold that lasts for the maximum.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AfterHold {
    /// Withdraws the canary.
    Abort,
    /// Takes the next step without the evidence.
    Promote,
}

impl CanaryPolicy {
    /// Creates a policy with these steps.
    #[must_use]
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::default().with_steps(steps)
    }

    /// Creates a policy that raises the weight by `step` each `interval`, until it reaches or exceeds
    /// `maximum`, as Flagger's `stepWeight` and `maxWeight`. A step of 0 means 1 %.
    #[must_use]
    pub fn linear(step: Percent, maximum: Percent, interval: Duration) -> Self {
        // At most 100 steps of at least 1 %.
        let step = step.max(Percent::new(1)).millionths();
        let maximum = maximum.max(Percent::new(1)).millionths();
        let weights = (1..=maximum.div_ceil(step)).map(|n| step.saturating_mul(n));
        Self::new(weights.flat_map(|weight| {
            let weight = Percent::per_million(weight);
            [Step::SetWeight(weight), Step::Pause(interval)]
        }))
    }

    /// Sets the number of the first step, from 0 on, during which the canary is analysed, as Argo's
    /// `startingStep`. The default is 0: from the start.
    #[must_use]
    pub const fn with_analysis_from(mut self, step: usize) -> Self {
        self.analysis_from = step;
        self
    }

    /// Sets the time after which a request that [began](super::Canary::begin) and did not end is a
    /// failure. The default is 10 seconds; with 0 requests are not waited for.
    #[must_use]
    pub const fn with_answer_within(mut self, answer_within: Duration) -> Self {
        self.answer_within = answer_within;
        self
    }

    /// Adds a check.
    #[must_use]
    pub fn with_check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Replaces the checks. Without any, only time and hand decide.
    #[must_use]
    pub fn with_checks(mut self, checks: impl IntoIterator<Item = Check>) -> Self {
        self.checks = checks.into_iter().collect();
        self
    }

    /// Sets the share of failed requests of the stable version from which on the rollout holds, since
    /// a common cause is likely. The default is 10 %; 100 % disables it in practice.
    #[must_use]
    pub const fn with_common_cause(mut self, share: Percent) -> Self {
        self.common_cause = share;
        self
    }

    /// Sets the excess of bad requests, in points, that must have been detectable before a step is
    /// taken. The default is 5 points; with 0 only the minimum of requests matters.
    #[must_use]
    pub const fn with_detectable_excess(mut self, points: Percent) -> Self {
        self.detectable_excess = points;
        self
    }

    /// Sets the probability that a canary which is no worse than the stable version is withdrawn, over
    /// the whole rollout and all checks. The default is 1 %; 0 means one in a million.
    #[must_use]
    pub const fn with_false_abort_rate(mut self, rate: Percent) -> Self {
        self.false_abort_rate = rate;
        self
    }

    /// Sets the longest hold for lack of evidence, and its consequence. By default a hold has no end;
    /// 0 means that, too.
    ///
    /// Neither time alone promotes a canary nor withdraws it, unless this says so.
    #[must_use]
    pub const fn with_maximum_hold(mut self, maximum: Duration, then: AfterHold) -> Self {
        self.maximum_hold = maximum;
        self.after_hold = then;
        self
    }

    /// Sets the requests to the canary, at the current weight, without which no step is taken. The
    /// default is 50.
    #[must_use]
    pub const fn with_minimum_requests(mut self, requests: u32) -> Self {
        self.minimum_requests = requests;
        self
    }

    /// Sets the time over which the weight of a withdrawn canary falls to 0. The default is 0: at
    /// once.
    #[must_use]
    pub const fn with_return_over(mut self, time: Duration) -> Self {
        self.return_over = time;
        self
    }

    /// Replaces the steps. After the last one the canary is promoted.
    #[must_use]
    pub fn with_steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.steps = steps.into_iter().collect();
        self
    }

    /// Returns the checks.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Returns the steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns the e-value at which a check withdraws the canary: the number of checks, divided by the
    /// false-abort rate.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        let checks = u32::try_from(self.checks.len().max(1)).unwrap_or(u32::MAX);
        f64::from(checks) * 1e6 / f64::from(self.false_abort_rate.millionths().max(1))
    }

    pub(super) const fn after_hold(&self) -> AfterHold {
        self.after_hold
    }

    pub(super) const fn analysis_from(&self) -> usize {
        self.analysis_from
    }

    pub(super) const fn answer_within(&self) -> Duration {
        self.answer_within
    }

    pub(super) const fn common_cause(&self) -> Percent {
        self.common_cause
    }

    pub(super) const fn detectable_excess(&self) -> Percent {
        self.detectable_excess
    }

    pub(super) const fn maximum_hold(&self) -> Duration {
        self.maximum_hold
    }

    pub(super) fn minimum_requests(&self) -> u64 {
        u64::from(self.minimum_requests)
    }

    pub(super) const fn return_over(&self) -> Duration {
        self.return_over
    }
}

impl Default for CanaryPolicy {
    fn default() -> Self {
        Self {
            after_hold: AfterHold::Abort,
            analysis_from: 0,
            answer_within: Duration::from_secs(10),
            checks: vec![Check::success()],
            common_cause: Percent::new(10),
            detectable_excess: Percent::new(5),
            false_abort_rate: Percent::new(1),
            maximum_hold: Duration::ZERO,
            minimum_requests: 50,
            return_over: Duration::ZERO,
            steps: Vec::new(),
        }
    }
}
