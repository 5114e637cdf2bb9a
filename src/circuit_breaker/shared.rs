use std::sync::Arc;
use std::time::{Duration, Instant};

use super::circuit::Circuit;
use super::machine::{Admission, Machine, Report};
use super::word::Word;
use super::{CircuitBreakerPolicy, CircuitState, Counts};
use crate::base::dice::Dice;
use crate::base::{Live, clock, spread};
use crate::{Event, Failure, Observe, Outcome, Rejection};

/// What all clones of a circuit breaker have in common.
#[derive(Debug)]
pub(super) struct Shared {
    circuit: Circuit,
    dice: Dice,
    observe: Arc<dyn Observe>,
    policy: Live<CircuitBreakerPolicy>,
}

impl Shared {
    pub(super) fn new(policy: CircuitBreakerPolicy, observe: Arc<dyn Observe>, dice: Dice) -> Self {
        Self {
            circuit: Circuit::new(&policy),
            dice,
            observe,
            policy: Live::new(policy),
        }
    }

    pub(super) fn anew(&self, dice: Dice) -> Self {
        let policy = CircuitBreakerPolicy::clone(&self.policy.load());
        Self::new(policy, Arc::clone(&self.observe), dice)
    }

    pub(super) fn reconfigure(&self, policy: CircuitBreakerPolicy) {
        let now = clock::now();
        let store = || {
            self.policy.store(policy);
            self.policy.load()
        };
        let event = self
            .circuit
            .with(store, |m, policy| m.reconfigure(policy, now));
        self.tell(event);
    }

    /// What the circuit lets a call do without being asked.
    #[inline]
    pub(super) fn word(&self) -> Word {
        self.circuit.word()
    }

    /// Asks the circuit to admit a call, and says when that was if it matters.
    #[cold]
    pub(super) fn admit(&self) -> Result<(Admission, Option<Instant>), Rejection> {
        let (now, roll) = (clock::now(), self.dice.roll());
        let ((admitted, event), timed) = self
            .machine(|machine, policy| (machine.admit(policy, now, roll), policy.times_calls()));
        self.tell(event);
        match admitted {
            Ok(admission) => Ok((admission, timed.then_some(now))),
            Err(rejection) => {
                self.tell([Event::Rejected(rejection)]);
                Err(rejection)
            }
        }
    }

    /// Settles a call that took so long to its head; `now` is the time if somebody just read it.
    #[inline]
    pub(super) fn settle(
        &self,
        admission: Admission,
        outcome: Outcome,
        latency: Duration,
        now: Option<Instant>,
    ) {
        let moment = || now.unwrap_or_else(clock::now);
        let policy = || self.policy.load();
        let place = spread::of_thread;
        let report = self
            .circuit
            .settle(admission, outcome, latency, place, moment, policy);
        if let Some(report) = report {
            self.decide(admission, report, moment());
        }
    }

    #[cold]
    fn decide(&self, admission: Admission, report: Report, now: Instant) {
        let roll = self.dice.roll();
        let goods = |now| self.circuit.goods(now);
        let events =
            self.machine(|m, policy| m.settle(admission, report, goods, policy, now, roll));
        self.tell(events.into_iter().flatten());
    }

    pub(super) fn recognize<E: 'static>(&self, error: &E) -> Failure {
        self.policy.load().recognizer().failure(error)
    }

    pub(super) fn outcome_of<E: 'static>(&self, error: &E) -> Outcome {
        self.policy.load().recognizer().outcome(error)
    }

    pub(super) fn force_open(&self, open_for: Option<Duration>) {
        let now = clock::now();
        let event = self.machine(|machine, _| machine.force_open(open_for, now));
        self.tell([event]);
    }

    pub(super) fn close(&self, forced: bool) {
        let event = self.machine(|machine, _| machine.close(forced));
        self.tell(event);
    }

    pub(super) fn state(&self) -> CircuitState {
        let now = clock::now();
        self.machine(|machine, policy| machine.state(policy, now))
    }

    pub(super) fn counts(&self) -> Counts {
        let now = clock::now();
        self.machine(|machine, _| machine.counts(self.circuit.goods(now), now))
    }

    pub(super) fn streak(&self) -> u32 {
        self.machine(|machine, _| machine.streak())
    }

    fn machine<T>(&self, f: impl FnOnce(&mut Machine, &CircuitBreakerPolicy) -> T) -> T {
        self.circuit.with(|| self.policy.load(), f)
    }

    /// Outside the lock: an observer may be slow.
    fn tell(&self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.observe.event(&event);
        }
    }
}
