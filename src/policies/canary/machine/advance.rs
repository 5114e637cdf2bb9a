//! Steps of a rollout, and their gates.

use std::time::{Duration, Instant};

use super::evidence::required;
use super::{Canary, State};
use crate::foundation::sync::Percent;
use crate::policies::canary::counts::{Counts, Version, float};
use crate::policies::canary::policy::AfterHold;
use crate::policies::canary::policy::step::Step;
use crate::policies::canary::verdict::{AbortReason, Hold, Verdict};

impl Canary {
    /// Takes the steps that are due.
    pub(super) fn advance(&mut self, now: Instant) -> Verdict {
        if self.paused {
            return Verdict::Hold(Hold::Paused);
        }
        loop {
            let step = self.policy.steps().get(self.step).cloned();
            let waits = match &step {
                None => self.gate(now),
                Some(Step::SetWeight(weight)) if *weight > self.weight => self.gate(now),
                Some(Step::Pause(pause)) if !self.skips_wait => {
                    let elapsed = now.saturating_duration_since(self.step_since);
                    match pause.checked_sub(elapsed).filter(|left| !left.is_zero()) {
                        Some(left) => {
                            // A promotion reaches to the next wait.
                            self.skips_gate = false;
                            return Verdict::Progressing(left);
                        }
                        None => self.gate(now),
                    }
                }
                Some(Step::PauseUntilPromoted) if !self.skips_wait => {
                    return Verdict::Hold(Hold::UntilPromoted);
                }
                Some(_) => None,
            };
            if let Some(hold) = waits.filter(|_| !self.skips_gate) {
                match self.after_hold(&hold, now) {
                    Some(AfterHold::Abort) => {
                        let reason = AbortReason::HeldTooLong(self.policy.maximum_hold());
                        self.withdraw(reason.clone(), now);
                        return Verdict::Aborted(reason);
                    }
                    Some(AfterHold::Promote) => self.promote(),
                    None => return Verdict::Hold(hold),
                }
            }
            let Some(step) = step else {
                self.finish();
                return Verdict::Promoted;
            };
            self.take(step, now);
        }
    }

    /// Takes a step, whose gate is open.
    fn take(&mut self, step: Step, now: Instant) {
        match step {
            Step::SetWeight(weight) => self.set_weight(weight, now),
            Step::SetMirror(share) => self.mirror = share,
            Step::SetCookieRoute { .. } | Step::SetHeaderRoute { .. } => self.routes.push(step),
            // One promotion ends one wait.
            Step::Pause(_) | Step::PauseUntilPromoted => self.skips_wait = false,
        }
        self.step += 1;
        self.step_since = now;
        self.held_since = None;
    }

    fn set_weight(&mut self, weight: Percent, now: Instant) {
        if weight > self.weight {
            self.skips_gate = false;
            self.skips_wait = false;
        }
        if self.weight == Percent::NONE {
            self.started = now;
        }
        self.weight = weight;
        self.weight_since = now;
        self.at_weight = Counts::zero(self.checks.len());
    }

    pub(super) fn withdraw(&mut self, reason: AbortReason, now: Instant) {
        self.state = State::Aborted { reason, at: now };
        self.mirror = Percent::NONE;
        self.routes.clear();
    }

    pub(super) fn finish(&mut self) {
        self.state = State::Promoted;
        self.weight = Percent::ALL;
        self.mirror = Percent::NONE;
        self.routes.clear();
    }

    /// Returns the consequence of a hold that has lasted for the maximum.
    fn after_hold(&mut self, hold: &Hold, now: Instant) -> Option<AfterHold> {
        if !matches!(hold, Hold::TooLittleTraffic { .. }) {
            self.held_since = None;
            return None;
        }
        let since = *self.held_since.get_or_insert(now);
        let maximum = self.policy.maximum_hold();
        let ends = !maximum.is_zero() && now.saturating_duration_since(since) >= maximum;
        ends.then(|| self.policy.after_hold())
    }

    /// Returns the reason why the evidence does not suffice for a further step.
    fn gate(&self, now: Instant) -> Option<Hold> {
        let compares = self.weight > Percent::NONE || self.mirror > Percent::NONE;
        // At 100 % there is nothing left to compare with.
        if !compares || self.weight == Percent::ALL || !self.analyses() {
            return None;
        }
        let suspected = self.worst(self.policy.threshold().sqrt());
        let suspected = suspected.map(Hold::Suspected);
        suspected
            .or_else(|| self.common_cause())
            .or_else(|| self.too_little(now))
    }

    fn common_cause(&self) -> Option<Hold> {
        let limit = f64::from(self.policy.common_cause().millionths()) / 1e6;
        let checks = self.checks.iter().zip(self.policy.checks());
        checks
            .filter(|(_, check)| check.has_outages())
            .find_map(|(state, check)| {
                let (canary, stable) = state.recent()?;
                (stable >= limit).then(|| Hold::CommonCause {
                    canary,
                    check: check.name().into(),
                    stable,
                })
            })
    }

    /// Returns the check that lacks the most requests.
    fn too_little(&self, now: Instant) -> Option<Hold> {
        let lacks = (0..self.checks.len()).filter_map(|index| {
            let required = self.required(index);
            let requests = self.at_weight.check(Version::Canary, index).requests();
            let lack = required.checked_sub(requests).filter(|lack| *lack > 0)?;
            Some((lack, requests, required, index))
        });
        let (lack, requests, required, index) = lacks.max()?;
        let elapsed = now.saturating_duration_since(self.weight_since);
        let seconds = elapsed.as_secs_f64() * float(lack) / float(requests);
        Some(Hold::TooLittleTraffic {
            check: self.policy.checks().get(index)?.name().into(),
            expected: Duration::try_from_secs_f64(seconds).ok(),
            requests,
            required,
        })
    }

    /// Returns the requests to the canary that a check needs at this weight.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from float saturates, as intended"
    )]
    fn required(&self, index: usize) -> u64 {
        let minimum = self.policy.minimum_requests();
        let excess = f64::from(self.policy.detectable_excess().millionths()) / 1e6;
        let means = |check: &super::super::Check| check.bound().is_some();
        if excess <= 0.0 || self.policy.checks().get(index).is_none_or(means) {
            return minimum;
        }
        let stable = self
            .checks
            .get(index)
            .map_or(0.0, |state| state.stable().share());
        // Copies are a share of the requests of the stable version.
        let (weight, copies) = (self.weight.max(self.mirror), self.weight == Percent::NONE);
        let weight = f64::from(weight.millionths()) / 1e6;
        let weight = if copies {
            weight / (1.0 + weight)
        } else {
            weight
        };
        let required = required(stable.max(1e-4), excess, weight, self.policy.threshold());
        minimum.max(required.ceil() as u64)
    }
}
