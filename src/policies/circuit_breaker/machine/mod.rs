//! The state machine of a circuit breaker. Time, random bits, outcome and policy are arguments;
//! nothing here waits or locks.
//!
//! This file decides about requests; `transitions.rs` moves the circuit between its states.

pub(in crate::policies::circuit_breaker) mod half_open;
pub(in crate::policies::circuit_breaker) mod health;
pub(in crate::policies::circuit_breaker) mod probes;
pub(in crate::policies::circuit_breaker) mod ramp;
pub(in crate::policies::circuit_breaker) mod state;
pub(in crate::policies::circuit_breaker) mod thresholds;
pub(in crate::policies::circuit_breaker) mod transitions;

use std::time::{Duration, Instant};

use super::counters::counts::{CallSample, SuccessSample};
use super::counters::success_counters::WindowScope;
use super::{CircuitBreakerPolicy, CircuitState, Counts, Verdict};
use crate::foundation::events::EventKind;
use crate::foundation::outcome::{OpenReason, Rejection};
use crate::foundation::sync::Percent;
use half_open::{HalfOpen, ProbeResult};
use health::Health;

/// State of one circuit breaker.
#[derive(Debug)]
pub(super) struct Machine {
    /// Number of transitions. It ties a result to the state that admitted its request.
    pub(super) epoch: u64,
    pub(super) health: Health,
    /// Number of openings since the circuit was last closed.
    pub(super) openings: u32,
    /// End of the time in which a dry run does not report each reason again.
    pub(super) reported: [Option<Instant>; 3],
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    Closed,
    ForcedClosed,
    ForcedOpen,
    HalfOpen(HalfOpen),
    Open {
        /// True if slow calls opened the circuit, in this opening or the first of a series.
        slowness: bool,
        until: Instant,
        reason: OpenReason,
    },
    /// Closed for a rising share of the requests.
    Recovering {
        since: Instant,
    },
}

/// The state that admitted a request.
#[must_use = "every admission must be settled"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct AdmittedBy {
    pub(super) epoch: u64,
    pub(super) probe: Option<u32>,
}

/// Result of an admitted request.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallReport {
    /// Latency to the response head; zero unless the policy times calls.
    pub(super) latency: Duration,
    pub(super) verdict: Verdict,
}

/// Events of one decision.
pub(super) type Events = [Option<EventKind>; 3];

const NO_EVENTS: Events = [None, None, None];

impl Machine {
    pub(super) fn new(policy: &CircuitBreakerPolicy) -> Self {
        Self {
            epoch: 0,
            health: Health::new(policy),
            openings: 0,
            reported: [None; 3],
            state: State::Closed,
        }
    }

    /// Admits a request, or rejects it.
    pub(super) fn admit(
        &mut self,
        policy: &CircuitBreakerPolicy,
        now: Instant,
        random: u64,
    ) -> (Result<AdmittedBy, Rejection>, Option<EventKind>) {
        let event = self.advance(policy, now);
        (self.decide(policy, now, random), event)
    }

    fn decide(
        &mut self,
        policy: &CircuitBreakerPolicy,
        now: Instant,
        random: u64,
    ) -> Result<AdmittedBy, Rejection> {
        let epoch = self.epoch;
        let admit = |probe| Ok(AdmittedBy { epoch, probe });
        let refuse = |reason, retry_after| {
            Err(Rejection::CircuitOpen {
                retry_after,
                reason,
            })
        };
        match &mut self.state {
            State::Closed | State::ForcedClosed => admit(None),
            State::ForcedOpen => refuse(OpenReason::Forced, None),
            State::HalfOpen(probes) => match probes.admit(policy.probes(), now) {
                Some(probe) => admit(Some(probe)),
                None => refuse(OpenReason::Probing, None),
            },
            State::Open { until, reason, .. } => refuse(*reason, Some(*until - now)),
            State::Recovering { since } => {
                let share = ramp::share(*since, policy.ramp(), now);
                if share.happens(random) {
                    admit(None)
                } else {
                    refuse(OpenReason::Recovering(share), None)
                }
            }
        }
    }

    /// Records the result of an admitted request; `elsewhere` sums up the successes counted per
    /// thread.
    pub(super) fn settle(
        &mut self,
        admission: AdmittedBy,
        report: CallReport,
        elsewhere: impl FnOnce(Instant) -> SuccessSample,
        policy: &CircuitBreakerPolicy,
        now: Instant,
        random: u64,
    ) -> Events {
        if admission.epoch != self.epoch {
            // The state has changed since the request was admitted; its result is out of date.
            return NO_EVENTS;
        }
        if let (State::HalfOpen(probes), Some(probe)) = (&mut self.state, admission.probe) {
            // Before the verdict: a neutral probe frees its slot as well.
            probes.free(probe);
        }
        let failed = match report.verdict {
            Verdict::Failure => true,
            Verdict::Neutral => return NO_EVENTS,
            Verdict::Success => false,
        };
        let latency = policy.latency(report.latency);
        let call = CallSample::new(failed, policy.is_slow(latency), latency);
        // The ramp may have ended since the last request.
        let closed = self.advance(policy, now);
        match &mut self.state {
            State::Closed | State::Recovering { .. } => {
                let reasons = self.health.record(call, elsewhere, policy, now);
                if policy.dry_run() {
                    return self.would_open(reasons, policy, now);
                }
                // One reason opens the circuit; the others would repeat the event.
                let reason = reasons.into_iter().flatten().next();
                let opened = reason.map(|reason| self.open(reason, policy, now, random));
                [closed, opened, None]
            }
            State::HalfOpen(probes) => match probes.record(call, policy) {
                ProbeResult::Failed(reason) => {
                    [Some(self.open(reason, policy, now, random)), None, None]
                }
                ProbeResult::Passed => [Some(self.recover(policy, now)), None, None],
                ProbeResult::Undecided => NO_EVENTS,
            },
            State::ForcedClosed | State::ForcedOpen | State::Open { .. } => NO_EVENTS,
        }
    }

    /// Returns the public state at `now`.
    pub(super) fn state(&self, policy: &CircuitBreakerPolicy, now: Instant) -> CircuitState {
        match &self.state {
            State::Closed => CircuitState::Closed,
            State::ForcedClosed => CircuitState::ForcedClosed,
            State::ForcedOpen => CircuitState::ForcedOpen,
            State::HalfOpen(_) => CircuitState::HalfOpen,
            // The transition waits for the next request; observers see the state that it will find.
            State::Open { until, .. } if now >= *until => CircuitState::HalfOpen,
            State::Open { until, reason, .. } => CircuitState::Open {
                remaining: *until - now,
                reason: *reason,
            },
            State::Recovering { since } => match ramp::share(*since, policy.ramp(), now) {
                Percent::ALL => CircuitState::Closed,
                share => CircuitState::Recovering { share },
            },
        }
    }

    pub(super) const fn streak(&self) -> u32 {
        self.health.streak()
    }

    pub(super) fn counts(&mut self, elsewhere: SuccessSample, now: Instant) -> Counts {
        self.health.counts(elsewhere, now)
    }

    pub(super) fn scope(&self) -> (u64, Option<WindowScope>) {
        self.health.scope()
    }
}
