mod advance;
mod check_state;
mod evidence;
mod in_flight;
mod latencies;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use check_state::CheckState;
use in_flight::InFlight;

use super::counts::{Counts, Version};
use super::policy::CanaryPolicy;
use super::policy::check::micros;
use super::policy::sample::Sample;
use super::policy::step::Step;
use super::verdict::{AbortReason, Decision, Report, Verdict};
use crate::foundation::outcome::Failure;
use crate::foundation::sync::Percent;

/// Rollout of a canary: it takes outcomes of both versions, and decides about the canary's weight.
///
/// Time is an argument, and chance has no part in it. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Canary {
    at_weight: Counts,
    checks: Box<[CheckState]>,
    closed: Option<Counts>,
    held_since: Option<Instant>,
    in_flight: Option<[InFlight; 2]>,
    mirror: Percent,
    paused: bool,
    policy: CanaryPolicy,
    routes: Vec<Step>,
    skips_gate: bool,
    skips_wait: bool,
    span: Counts,
    span_since: Instant,
    started: Instant,
    state: State,
    step: usize,
    step_since: Instant,
    weight: Percent,
    weight_since: Instant,
}

#[derive(Clone, Debug)]
enum State {
    Aborted { reason: AbortReason, at: Instant },
    Promoted,
    Running,
}

/// Requests in a span at which it closes: with fewer the shares of the versions in it vary too much.
const SPAN_REQUESTS: u64 = 25;

/// Age at which a span with requests of both versions closes.
const SPAN_AGE: Duration = Duration::from_secs(10);

/// Age at which each span closes.
const SPAN_END: Duration = Duration::from_secs(60);

impl Canary {
    /// Starts a rollout.
    #[must_use]
    pub fn new(policy: CanaryPolicy, now: Instant) -> Self {
        let count = policy.checks().len();
        let state = |check| CheckState::new(check, now);
        Self {
            at_weight: Counts::zero(count),
            checks: policy.checks().iter().map(state).collect(),
            closed: None,
            held_since: None,
            in_flight: None,
            mirror: Percent::NONE,
            paused: false,
            policy,
            routes: Vec::new(),
            skips_gate: false,
            skips_wait: false,
            span: Counts::zero(count),
            span_since: now,
            started: now,
            state: State::Running,
            step: 0,
            step_since: now,
            weight: Percent::NONE,
            weight_since: now,
        }
    }

    /// Notes the start of a request, so that one without an answer is a failure after the policy's
    /// [time](CanaryPolicy::with_answer_within).
    ///
    /// Optional: where requests have a timeout of their own, its failure is an outcome as any other.
    /// Once used, it has to be called for each request.
    pub fn begin(&mut self, version: Version, now: Instant) {
        let within = self.policy.answer_within();
        let in_flight = self.in_flight.get_or_insert_with(|| {
            let new = InFlight::new(within, now);
            [new.clone(), new]
        });
        Self::of_version(in_flight, version).begin(now);
    }

    /// Counts a finished request.
    ///
    /// Record only requests that the weight distributed: those that a header or a cookie sent to the
    /// canary have nothing to be compared with.
    pub fn record(&mut self, version: Version, sample: Sample, now: Instant) {
        let within = self.policy.answer_within();
        if let Some(in_flight) = &mut self.in_flight {
            if sample.latency() >= within && !within.is_zero() {
                // It counts as overdue, or has.
                return;
            }
            if let Some(began) = now.checked_sub(sample.latency()) {
                Self::of_version(in_flight, version).end(began);
            }
        }
        self.count(version, sample, now);
    }

    /// Adds a closed span of another replica under the same policy.
    pub fn absorb(&mut self, counts: &Counts) {
        if !self.analyses() {
            return;
        }
        self.at_weight.add(counts);
        for (index, (state, check)) in self.checks.iter_mut().zip(self.policy.checks()).enumerate()
        {
            let canary = counts.check(Version::Canary, index);
            state.add(check, canary, counts.check(Version::Stable, index));
        }
    }

    /// Evaluates the counts, and takes the steps that are due. Call it once in a quarter of a second
    /// or a second.
    pub fn evaluate(&mut self, now: Instant) -> Decision {
        self.count_overdue(now);
        self.closed = self.close_span(now);
        if matches!(self.state, State::Running) {
            // A withdrawal comes before every gate.
            if let Some(worse) = self.worst(self.policy.threshold()) {
                self.withdraw(AbortReason::Worse(worse), now);
            }
        }
        let verdict = match &self.state {
            State::Aborted { reason, .. } => Verdict::Aborted(reason.clone()),
            State::Promoted => Verdict::Promoted,
            State::Running => self.advance(now),
        };
        Decision::new(verdict, self.weight(now), self.step)
    }

    /// Returns the span that the last [evaluation](Self::evaluate) closed, for other replicas to
    /// [absorb](Self::absorb).
    #[must_use]
    pub const fn closed(&self) -> Option<&Counts> {
        self.closed.as_ref()
    }

    /// Ends the current pause or hold: the next evaluation takes the next step. A withdrawn canary
    /// stays withdrawn.
    pub const fn promote(&mut self) {
        self.skips_gate = true;
        self.skips_wait = true;
        self.paused = false;
    }

    /// Promotes the canary without further steps. A withdrawn canary stays withdrawn.
    pub fn promote_fully(&mut self) {
        if matches!(self.state, State::Running) {
            self.finish();
        }
    }

    /// Stops taking steps. Evidence still withdraws the canary.
    pub const fn pause(&mut self) {
        self.paused = true;
    }

    /// Takes steps again.
    pub const fn resume(&mut self) {
        self.paused = false;
    }

    /// Withdraws the canary, if it is not promoted.
    pub fn abort(&mut self, now: Instant) {
        if matches!(self.state, State::Running) {
            self.withdraw(AbortReason::ByHand, now);
        }
    }

    /// Returns the share of requests that the canary gets: a withdrawn one 0, or a share that falls to
    /// 0 over the policy's time.
    #[must_use]
    pub fn weight(&self, now: Instant) -> Percent {
        let State::Aborted { at, .. } = self.state else {
            return self.weight;
        };
        let elapsed = now.saturating_duration_since(at);
        match self.policy.return_over().checked_sub(elapsed) {
            Some(left) if !left.is_zero() => {
                let share = Percent::ratio(micros(left), micros(self.policy.return_over()));
                Percent::per_million(
                    u32::try_from(share.of(u64::from(self.weight.millionths()))).unwrap_or(0),
                )
            }
            _ => Percent::NONE,
        }
    }

    /// Returns the share of requests of which the canary gets a copy.
    #[must_use]
    pub const fn mirror(&self) -> Percent {
        self.mirror
    }

    /// Returns the current routes to the canary: steps of [`Step::SetHeaderRoute`] and
    /// [`Step::SetCookieRoute`].
    #[must_use]
    pub fn routes(&self) -> &[Step] {
        &self.routes
    }

    /// Returns the evidence of each check so far.
    #[must_use]
    pub fn reports(&self) -> Vec<Report> {
        let threshold = self.policy.threshold();
        let checks = self.checks.iter().zip(self.policy.checks());
        checks
            .map(|(state, check)| state.report(check, threshold))
            .collect()
    }

    /// Returns the policy.
    #[must_use]
    pub const fn policy(&self) -> &CanaryPolicy {
        &self.policy
    }

    fn count(&mut self, version: Version, sample: Sample, now: Instant) {
        if !self.analyses() {
            return;
        }
        let age = now.saturating_duration_since(self.started);
        let serves = version == Version::Stable && sample.served() == Some(true);
        let checks = self.checks.iter_mut().zip(self.policy.checks());
        for (index, (state, check)) in checks.enumerate() {
            if let (Some(latencies), true) = (&mut state.latencies, serves) {
                latencies.add(micros(sample.latency()));
            }
            if age >= check.warm_up() {
                self.span
                    .record(version, index, check, sample, state.slow_above);
            }
        }
    }

    fn count_overdue(&mut self, now: Instant) {
        let Some([canary, stable]) = &mut self.in_flight else {
            return;
        };
        let overdue = [
            (Version::Canary, canary.overdue(now)),
            (Version::Stable, stable.overdue(now)),
        ];
        let sample = Sample::new(Failure::Timeout, self.policy.answer_within());
        for (version, count) in overdue {
            for _ in 0..count {
                self.count(version, sample, now);
            }
        }
    }

    fn close_span(&mut self, now: Instant) -> Option<Counts> {
        let age = now.saturating_duration_since(self.span_since);
        let canary = self.span.requests(Version::Canary);
        let stable = self.span.requests(Version::Stable);
        let compared = canary.min(stable) > 0;
        let full = canary.saturating_add(stable) >= SPAN_REQUESTS || age >= SPAN_AGE;
        if !(compared && full) && age < SPAN_END {
            return None;
        }
        self.span_since = now;
        let span = std::mem::replace(&mut self.span, Counts::zero(self.checks.len()));
        for (state, check) in self.checks.iter_mut().zip(self.policy.checks()) {
            state.next_span(check, age, now);
        }
        self.absorb(&span);
        Some(span)
    }

    /// Says whether the current step is one of those with an analysis, and the rollout runs.
    const fn analyses(&self) -> bool {
        matches!(self.state, State::Running) && self.step >= self.policy.analysis_from()
    }

    /// Returns the strongest evidence, if its e-value is so much.
    fn worst(&self, least: f64) -> Option<Report> {
        let checks = self.checks.iter().zip(self.policy.checks());
        let values = checks.map(|(state, check)| (state.evidence.value(), state, check));
        let (value, state, check) = values.max_by(|one, other| one.0.total_cmp(&other.0))?;
        (value >= least).then(|| state.report(check, self.policy.threshold()))
    }

    const fn of_version(in_flight: &mut [InFlight; 2], version: Version) -> &mut InFlight {
        let [canary, stable] = in_flight;
        match version {
            Version::Canary => canary,
            Version::Stable => stable,
        }
    }
}
