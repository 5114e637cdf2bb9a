use std::fmt::{self, Debug, Formatter};
use std::time::{Duration, Instant};

use super::circuit::Circuit;
use super::machine::{AdmittedBy, CallReport, Machine};
use super::summary::AtomicSummary;
use super::{CircuitBreakerPolicy, CircuitState, Counts};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::outcome::{Outcome, Rejection};
use crate::foundation::sync::rng::Rng;
use crate::foundation::sync::{Reloadable, sharded_arc};
use crate::foundation::time::clock;

/// State shared by all clones of a circuit breaker.
pub(super) struct Shared {
    circuit: Circuit,
    rng: Rng,
    emitter: Emitter,
    policy: Reloadable<CircuitBreakerPolicy>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(policy: CircuitBreakerPolicy, emitter: Emitter, rng: Rng) -> Self {
        Self {
            circuit: Circuit::new(&policy),
            rng,
            emitter,
            policy: Reloadable::new(policy),
        }
    }

    pub(super) fn reset_with(&self, rng: Rng) -> Self {
        Self::new(self.policy(), self.emitter.clone(), rng)
    }

    pub(super) const fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    /// Returns the current policy.
    pub(super) fn policy(&self) -> CircuitBreakerPolicy {
        self.policy.current()
    }

    pub(super) fn reconfigure(&self, policy: CircuitBreakerPolicy) {
        let now = clock::now();
        let store = || {
            // Stored under the lock of `with`, so that no decision mixes two policies.
            self.policy.store(policy);
            self.policy.load()
        };
        let event = self
            .circuit
            .with(store, |m, policy| m.reconfigure(policy, now));
        self.emit(event);
    }

    /// Returns the summary for decisions without the lock.
    #[inline]
    pub(super) fn summary(&self) -> AtomicSummary {
        self.circuit.summary()
    }

    /// Admits a call under the lock; returns the time of admission, too, if calls are timed.
    #[cold]
    pub(super) fn admit(&self) -> Result<(AdmittedBy, Option<Instant>), Rejection> {
        // Both are read before the lock is taken, to hold it briefly.
        let (now, random) = (clock::now(), self.rng.next_u64());
        let ((admitted, event), timed) = self
            .machine(|machine, policy| (machine.admit(policy, now, random), policy.times_calls()));
        self.emit(event);
        match admitted {
            // Without timed calls the ticket need not carry the time.
            Ok(admission) => Ok((admission, timed.then_some(now))),
            Err(rejection) => {
                self.emit([EventKind::Rejected(rejection)]);
                Err(rejection)
            }
        }
    }

    /// Settles a call with this latency to its head; `now` is the current time if the caller has
    /// read it.
    #[inline]
    pub(super) fn settle(
        &self,
        admission: AdmittedBy,
        outcome: Outcome,
        latency: Duration,
        now: Option<Instant>,
    ) {
        let moment = || now.unwrap_or_else(clock::now);
        let policy = || self.policy.load();
        let place = sharded_arc::current_shard;
        let report = self
            .circuit
            .settle(admission, outcome, latency, place, moment, policy);
        if let Some(report) = report {
            self.decide(admission, report, moment());
        }
    }

    #[cold]
    fn decide(&self, admission: AdmittedBy, report: CallReport, now: Instant) {
        let random = self.rng.next_u64();
        let successes = |now| self.circuit.successes(now);
        let events =
            self.machine(|m, policy| m.settle(admission, report, successes, policy, now, random));
        self.emit(events.into_iter().flatten());
    }

    pub(super) fn classify<E: 'static>(&self, error: &E) -> Outcome {
        self.policy.load().error_classifier().attempt(error)
    }

    pub(super) fn outcome_of<E: 'static>(&self, error: &E) -> Outcome {
        self.policy.load().error_classifier().outcome(error)
    }

    pub(super) fn force_open(&self, open_for: Option<Duration>) {
        let now = clock::now();
        let event = self.machine(|machine, _| machine.force_open(open_for, now));
        self.emit([event]);
    }

    pub(super) fn close(&self, forced: bool) {
        let event = self.machine(|machine, _| machine.close(forced));
        self.emit(event);
    }

    pub(super) fn state(&self) -> CircuitState {
        let now = clock::now();
        self.machine(|machine, policy| machine.state(policy, now))
    }

    pub(super) fn counts(&self) -> Counts {
        let now = clock::now();
        self.machine(|machine, _| machine.counts(self.circuit.successes(now), now))
    }

    pub(super) fn streak(&self) -> u32 {
        self.machine(|machine, _| machine.streak())
    }

    fn machine<T>(&self, f: impl FnOnce(&mut Machine, &CircuitBreakerPolicy) -> T) -> T {
        self.circuit.with(|| self.policy.load(), f)
    }

    /// Reports events; called outside the lock, since an observer may be slow.
    fn emit(&self, events: impl IntoIterator<Item = EventKind>) {
        for event in events {
            self.emitter.emit(&event);
        }
    }
}
