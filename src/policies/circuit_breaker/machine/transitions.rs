//! How the circuit gets from one state to another.

use std::time::{Duration, Instant};

use super::half_open::HalfOpen;
use super::ramp;
use super::{Events, Machine, State};
use crate::foundation::events::Event;
use crate::foundation::outcome::OpenReason;
use crate::foundation::sync::Percent;
use crate::foundation::time::clock;
use crate::policies::circuit_breaker::CircuitBreakerPolicy;

impl Machine {
    /// Does what time alone brings about.
    pub(in crate::policies::circuit_breaker) fn advance(
        &mut self,
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> Option<Event> {
        match self.state {
            State::Open { until, .. } if now < until => None,
            // It was opened by hand, for a time that is over.
            State::Open { .. } if policy.rejects_nothing() => self.close(false),
            State::Open { slowness, .. } => {
                self.enter(State::HalfOpen(HalfOpen::new(slowness)));
                Some(Event::CircuitHalfOpened)
            }
            State::Recovering { since }
                if ramp::share(since, policy.ramp(), now) == Percent::ALL =>
            {
                self.openings = 0;
                // In the same epoch: a recovering circuit already counts like a closed one.
                self.state = State::Closed;
                Some(Event::CircuitClosed)
            }
            _ => None,
        }
    }

    /// Opens the circuit because of what it counted.
    pub(in crate::policies::circuit_breaker) fn open(
        &mut self,
        reason: OpenReason,
        policy: &CircuitBreakerPolicy,
        now: Instant,
        random: u64,
    ) -> Event {
        let slowness = match &self.state {
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
        Event::CircuitOpened { open_for, reason }
    }

    /// Reports what would have opened the circuit, unless it just did.
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
                *event = Some(Event::CircuitWouldOpen { reason });
            }
        }
        events
    }

    /// Begins to let requests through again.
    pub(in crate::policies::circuit_breaker) fn recover(
        &mut self,
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> Event {
        self.health.clear();
        let ramp = policy.ramp();
        if ramp.is_zero() {
            self.openings = 0;
            self.enter(State::Closed);
            Event::CircuitClosed
        } else {
            self.enter(State::Recovering { since: now });
            Event::CircuitRecovering { ramp }
        }
    }

    /// Opens the circuit by hand, for so long or until further notice.
    pub(in crate::policies::circuit_breaker) fn force_open(
        &mut self,
        open_for: Option<Duration>,
        now: Instant,
    ) -> Event {
        let reason = OpenReason::Forced;
        self.enter(match open_for {
            Some(open_for) => State::Open {
                slowness: false,
                until: clock::after(now, open_for),
                reason,
            },
            None => State::ForcedOpen,
        });
        Event::CircuitOpened { open_for, reason }
    }

    /// Closes the circuit and forgets what was; `forced` keeps it so.
    pub(in crate::policies::circuit_breaker) fn close(&mut self, forced: bool) -> Option<Event> {
        let was_closed = matches!(self.state, State::Closed | State::ForcedClosed);
        self.enter(if forced {
            State::ForcedClosed
        } else {
            State::Closed
        });
        self.health.clear();
        self.openings = 0;
        self.reported = [None; 3];
        (!was_closed).then_some(Event::CircuitClosed)
    }

    /// Takes over another policy, and keeps what is known.
    pub(in crate::policies::circuit_breaker) fn reconfigure(
        &mut self,
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> Option<Event> {
        self.health.reconfigure(policy);
        match &mut self.state {
            State::Closed | State::ForcedClosed | State::ForcedOpen => None,
            // Whoever opened it by hand has the last word.
            State::Open { reason, .. } if *reason == OpenReason::Forced => None,
            _ if policy.rejects_nothing() => self.close(false),
            State::Open { until, .. } => {
                *until = (*until).min(clock::after(now, policy.longest()));
                None
            }
            State::HalfOpen(_) | State::Recovering { .. } => None,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}
