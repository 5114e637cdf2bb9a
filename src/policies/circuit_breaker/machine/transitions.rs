//! Transitions between the states of the circuit.

use std::time::{Duration, Instant};

use super::half_open::HalfOpen;
use super::ramp;
use super::{Events, Machine, State};
use crate::foundation::events::EventKind;
use crate::foundation::outcome::OpenReason;
use crate::foundation::sync::Percent;
use crate::foundation::time::clock;
use crate::policies::circuit_breaker::CircuitBreakerPolicy;

impl Machine {
    /// Applies the transitions that are due by time alone.
    pub(in crate::policies::circuit_breaker) fn advance(
        &mut self,
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> Option<EventKind> {
        match self.state {
            State::Open { until, .. } if now < until => None,
            // Opened by hand, for a time that is over; the policy has no reason to probe.
            State::Open { .. } if policy.rejects_nothing() => self.close(false),
            State::Open { slowness, .. } => {
                self.enter(State::HalfOpen(HalfOpen::new(slowness)));
                Some(EventKind::CircuitHalfOpened)
            }
            State::Recovering { since }
                if ramp::share(since, policy.ramp(), now) == Percent::ALL =>
            {
                self.openings = 0;
                // The epoch is kept: results of a recovering circuit already count as those of a
                // closed one.
                self.state = State::Closed;
                Some(EventKind::CircuitClosed)
            }
            _ => None,
        }
    }

    /// Opens the circuit by its counters.
    pub(in crate::policies::circuit_breaker) fn open(
        &mut self,
        reason: OpenReason,
        policy: &CircuitBreakerPolicy,
        now: Instant,
        random: u64,
    ) -> EventKind {
        let slowness = match &self.state {
            // Failed probes reopen the circuit for the original reason.
            State::HalfOpen(probes) => probes.slowness(),
            _ => matches!(reason, OpenReason::SlowRate { .. }),
        };
        let open_for = policy.open_for_after(self.openings, random);
        self.openings = self.openings.saturating_add(1);
        let until = clock::after(now, open_for);
        self.enter(State::Open {
            slowness,
            until,
            reason,
        });
        let open_for = Some(open_for);
        EventKind::CircuitOpened { open_for, reason }
    }

    /// Reports each reason that would have opened the circuit, unless it was reported recently.
    pub(in crate::policies::circuit_breaker) fn would_open(
        &mut self,
        reasons: [Option<OpenReason>; 3],
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> Events {
        let mut events = [None, None, None];
        for ((event, reason), until) in events.iter_mut().zip(reasons).zip(&mut self.reported) {
            if let Some(reason) = reason
                && until.is_none_or(|until| now >= until)
            {
                *until = Some(clock::after(now, policy.open_for()));
                *event = Some(EventKind::CircuitWouldOpen { reason });
            }
        }
        events
    }

    /// Starts the recovery after successful probes.
    pub(in crate::policies::circuit_breaker) fn recover(
        &mut self,
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> EventKind {
        // The counts from before the opening do not describe the recovered upstream.
        self.health.clear();
        let ramp = policy.ramp();
        if ramp.is_zero() {
            self.openings = 0;
            self.enter(State::Closed);
            EventKind::CircuitClosed
        } else {
            self.enter(State::Recovering { since: now });
            EventKind::CircuitRecovering { ramp }
        }
    }

    /// Opens the circuit by hand, for a time or until further notice.
    pub(in crate::policies::circuit_breaker) fn force_open(
        &mut self,
        open_for: Option<Duration>,
        now: Instant,
    ) -> EventKind {
        let reason = OpenReason::Forced;
        self.enter(match open_for {
            Some(open_for) => State::Open {
                slowness: false,
                until: clock::after(now, open_for),
                reason,
            },
            None => State::ForcedOpen,
        });
        EventKind::CircuitOpened { open_for, reason }
    }

    /// Closes the circuit and resets its counters; `forced` keeps it closed.
    pub(in crate::policies::circuit_breaker) fn close(
        &mut self,
        forced: bool,
    ) -> Option<EventKind> {
        let was_closed = matches!(self.state, State::Closed | State::ForcedClosed);
        self.enter(if forced {
            State::ForcedClosed
        } else {
            State::Closed
        });
        self.health.clear();
        self.openings = 0;
        self.reported = [None; 3];
        (!was_closed).then_some(EventKind::CircuitClosed)
    }

    /// Applies another policy, and keeps the state where it is compatible.
    pub(in crate::policies::circuit_breaker) fn reconfigure(
        &mut self,
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> Option<EventKind> {
        self.health.reconfigure(policy);
        match &mut self.state {
            State::Closed | State::ForcedClosed | State::ForcedOpen => None,
            // A command by hand takes precedence over a policy.
            State::Open { reason, .. } if *reason == OpenReason::Forced => None,
            _ if policy.rejects_nothing() => self.close(false),
            State::Open { until, .. } => {
                // A new maximum shortens the opening, and never extends it.
                *until = (*until).min(clock::after(now, policy.longest()));
                None
            }
            State::HalfOpen(_) | State::Recovering { .. } => None,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        // Results of requests admitted before this transition no longer match, and are ignored.
        self.epoch += 1;
    }
}
