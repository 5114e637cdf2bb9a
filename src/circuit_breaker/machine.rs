//! The breaker's decisions. Time, chance, outcome and policy are arguments; nothing here waits or
//! locks.

use std::time::{Duration, Instant};

use super::counts::Call;
use super::half_open::{HalfOpen, Proof};
use super::health::Health;
use super::word::Word;
use super::{CircuitBreakerPolicy, CircuitState, Counts, Verdict, far_from};
use crate::{Event, OpenReason, Percent, Rejection};

/// The state of one circuit breaker.
#[derive(Debug)]
pub(super) struct Machine {
    /// Counts the transitions, so that a result can be matched with the state that admitted it.
    epoch: u64,
    health: Health,
    /// How often the circuit opened since it was last closed.
    openings: u32,
    /// Until when each reason is not reported again by a dry run.
    reported: [Option<Instant>; 3],
    state: State,
}

#[derive(Debug)]
enum State {
    Closed,
    ForcedClosed,
    ForcedOpen,
    HalfOpen(HalfOpen),
    Open {
        /// It was slow calls that opened it, this time or the first.
        slowness: bool,
        until: Instant,
        why: OpenReason,
    },
    /// Closed, but for a share of the requests.
    Recovering {
        since: Instant,
    },
}

/// The state that let a request in.
#[must_use = "every admission must be settled"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Admission {
    pub(super) epoch: u64,
    pub(super) probe: Option<u64>,
}

/// How an admitted request went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// Its time to the head, if the policy asks for it.
    pub(super) latency: Duration,
    pub(super) verdict: Verdict,
}

/// What an operator hears of one decision.
pub(super) type Events = [Option<Event>; 3];

const NO_EVENTS: Events = [None, None, None];

/// The share that goes through when a recovery begins: Envoy's `min_weight_percent`.
const FIRST_SHARE: Percent = Percent::new(10);

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

    /// Sums up what can be decided without the machine.
    pub(super) fn word(&self, policy: &CircuitBreakerPolicy) -> Word {
        let closed = matches!(self.state, State::Closed);
        let forced = matches!(self.state, State::ForcedClosed);
        Word::new(self.epoch)
            .with_admits(closed || forced)
            .with_deaf(forced || (closed && policy.never_opens()))
            .with_quiet(closed && self.health.is_spotless())
            .with_timed(closed && policy.times_calls())
    }

    /// Lets a request in, or says why not.
    pub(super) fn admit(
        &mut self,
        policy: &CircuitBreakerPolicy,
        now: Instant,
        roll: u64,
    ) -> (Result<Admission, Rejection>, Option<Event>) {
        let mut event = None;
        if let State::Open {
            slowness, until, ..
        } = self.state
            && now >= until
        {
            self.enter(State::HalfOpen(HalfOpen::new(slowness)));
            event = Some(Event::CircuitHalfOpened);
        }
        let epoch = self.epoch;
        let refuse = |why, retry_after| Err(Rejection::CircuitOpen { retry_after, why });
        let probe = None;
        let admitted = match &mut self.state {
            State::Closed | State::ForcedClosed => Ok(Admission { epoch, probe }),
            State::ForcedOpen => refuse(OpenReason::Forced, None),
            State::HalfOpen(probes) => match probes.admit(policy.probes(), now) {
                Some(probe) => Ok(Admission {
                    epoch,
                    probe: Some(probe),
                }),
                None => refuse(OpenReason::Probing, None),
            },
            State::Open { until, why, .. } => refuse(*why, Some(*until - now)),
            State::Recovering { since } => {
                let share = share(*since, policy.ramp(), now);
                if share == Percent::ALL {
                    self.openings = 0;
                    // The same epoch: a recovering circuit already counts like a closed one.
                    self.state = State::Closed;
                    event = Some(Event::CircuitClosed);
                }
                if share.happens(roll) {
                    Ok(Admission { epoch, probe })
                } else {
                    refuse(OpenReason::Recovering(share), None)
                }
            }
        };
        (admitted, event)
    }

    /// Takes in how an admitted request went.
    pub(super) fn settle(
        &mut self,
        admission: Admission,
        report: Report,
        policy: &CircuitBreakerPolicy,
        now: Instant,
        roll: u64,
    ) -> Events {
        if admission.epoch != self.epoch {
            // The state moved on while the request ran; its result says nothing about now.
            return NO_EVENTS;
        }
        if let (State::HalfOpen(probes), Some(probe)) = (&mut self.state, admission.probe) {
            probes.free(probe);
        }
        let failed = match report.verdict {
            Verdict::Failure => true,
            Verdict::Neutral => return NO_EVENTS,
            Verdict::Success => false,
        };
        let call = Call::new(failed, policy.is_slow(report.latency), report.latency);
        match &mut self.state {
            State::Closed | State::Recovering { .. } => {
                let reasons = self.health.record(call, policy, now);
                if policy.dry_run() {
                    self.would_open(reasons, policy, now)
                } else {
                    let why = reasons.into_iter().flatten().next();
                    let event = why.map(|why| self.open(why, policy, now, roll));
                    [event, None, None]
                }
            }
            State::HalfOpen(probes) => match probes.record(call, policy) {
                Proof::Bad(why) => [Some(self.open(why, policy, now, roll)), None, None],
                Proof::Good => [Some(self.recover(policy, now)), None, None],
                Proof::Nothing => NO_EVENTS,
            },
            State::ForcedClosed | State::ForcedOpen | State::Open { .. } => NO_EVENTS,
        }
    }

    /// Opens the circuit for so long, or until further notice.
    pub(super) fn force_open(&mut self, open_for: Option<Duration>, now: Instant) -> Event {
        let why = OpenReason::Forced;
        self.enter(match open_for {
            Some(open_for) => State::Open {
                slowness: false,
                until: after(now, open_for),
                why,
            },
            None => State::ForcedOpen,
        });
        Event::CircuitOpened { open_for, why }
    }

    /// Closes the circuit and forgets what was: `forced` keeps it so.
    pub(super) fn close(&mut self, forced: bool) -> Option<Event> {
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
    pub(super) fn reconfigure(
        &mut self,
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> Option<Event> {
        self.health.reconfigure(policy);
        match &mut self.state {
            State::Closed | State::ForcedClosed | State::ForcedOpen => None,
            // A policy that refuses nothing refuses nothing from now on.
            _ if policy.dry_run() || policy.never_opens() => self.close(false),
            State::Open { until, why, .. } => {
                if *why != OpenReason::Forced {
                    *until = (*until).min(after(now, policy.longest()));
                }
                None
            }
            State::HalfOpen(_) | State::Recovering { .. } => None,
        }
    }

    /// Shows where the circuit is at `now`.
    pub(super) fn state(&self, policy: &CircuitBreakerPolicy, now: Instant) -> CircuitState {
        match &self.state {
            State::Closed => CircuitState::Closed,
            State::ForcedClosed => CircuitState::ForcedClosed,
            State::ForcedOpen => CircuitState::ForcedOpen,
            State::HalfOpen(_) => CircuitState::HalfOpen,
            State::Open { until, .. } if now >= *until => CircuitState::HalfOpen,
            State::Open { until, why, .. } => CircuitState::Open {
                remaining: *until - now,
                why: *why,
            },
            State::Recovering { since } => match share(*since, policy.ramp(), now) {
                Percent::ALL => CircuitState::Closed,
                share => CircuitState::Recovering { share },
            },
        }
    }

    pub(super) const fn streak(&self) -> u32 {
        self.health.streak()
    }

    pub(super) fn counts(&mut self, now: Instant) -> Counts {
        self.health.counts(now)
    }

    fn open(
        &mut self,
        why: OpenReason,
        policy: &CircuitBreakerPolicy,
        now: Instant,
        roll: u64,
    ) -> Event {
        let slowness = match (&self.state, why) {
            (State::HalfOpen(probes), _) => probes.slowness(),
            (_, why) => matches!(why, OpenReason::SlowRate { .. }),
        };
        let open_for = policy.open_for_after(self.openings, roll);
        self.openings = self.openings.saturating_add(1);
        self.enter(State::Open {
            slowness,
            until: after(now, open_for),
            why,
        });
        Event::CircuitOpened {
            open_for: Some(open_for),
            why,
        }
    }

    fn recover(&mut self, policy: &CircuitBreakerPolicy, now: Instant) -> Event {
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

    fn would_open(
        &mut self,
        reasons: [Option<OpenReason>; 3],
        policy: &CircuitBreakerPolicy,
        now: Instant,
    ) -> Events {
        let mut events = NO_EVENTS;
        for ((event, reason), until) in events.iter_mut().zip(reasons).zip(&mut self.reported) {
            if let Some(why) = reason
                && until.is_none_or(|until| now >= until)
            {
                *until = Some(after(now, policy.open_for()));
                *event = Some(Event::CircuitWouldOpen { why });
            }
        }
        events
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

/// The share of requests that go through so long after the probes went well.
fn share(since: Instant, ramp: Duration, now: Instant) -> Percent {
    let passed = now.saturating_duration_since(since);
    if passed >= ramp {
        return Percent::ALL;
    }
    let (passed, ramp) = (passed.as_secs_f64(), ramp.as_secs_f64());
    Percent::from_f64(passed / ramp * 100.0).max(FIRST_SHARE)
}

fn after(now: Instant, duration: Duration) -> Instant {
    now.checked_add(duration).unwrap_or_else(|| far_from(now))
}
