use std::ops::Deref;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::counters::counts::{SuccessSample, micros};
use super::counters::success_counters::SuccessCounters;
use super::counters::summary::AtomicSummary;
use super::machine::{AdmittedBy, CallReport, Machine};
use super::{CircuitBreakerPolicy, FailureOn, Verdict};
use crate::foundation::outcome::Outcome;
use crate::foundation::sync::primitives::Mutex;
use crate::foundation::sync::primitives::atomic::{AtomicU64, Ordering};

/// The machine behind its lock, and before it what spares most requests the lock: the word, and the
/// places where good calls are counted.
///
/// The word is only written under the lock. Who reads it decides as if before everything that has
/// not reached the word yet, which is an order in which the requests could have come. Where both
/// failures in a row and rates are asked for, each is decided in such an order, though two calls
/// that end in the same instant may not come in the same order in both.
#[derive(Debug)]
pub(super) struct Circuit {
    successes: SuccessCounters,
    machine: Mutex<Machine>,
    summary: AtomicU64,
}

impl Circuit {
    pub(super) fn new(policy: &CircuitBreakerPolicy) -> Self {
        let (successes, machine) = (SuccessCounters::default(), Machine::new(policy));
        successes.begin(machine.epoch, machine.scope().1);
        let summary = AtomicU64::new(machine.summary(policy).bits());
        Self {
            successes,
            machine: Mutex::new(machine),
            summary,
        }
    }

    /// Sums up the good calls that were counted without the machine.
    pub(super) fn successes(&self, now: Instant) -> SuccessSample {
        self.successes.total(now)
    }

    /// Settles an admitted call without the machine if that can be, by a thread that counts at
    /// `place`. If not, returns what is to be reported to the machine.
    #[inline]
    pub(super) fn settle<P>(
        &self,
        admission: AdmittedBy,
        outcome: Outcome,
        latency: Duration,
        place: impl FnOnce() -> usize,
        now: impl FnOnce() -> Instant,
        policy: impl Fn() -> P,
    ) -> Option<CallReport>
    where
        P: Deref<Target = Arc<CircuitBreakerPolicy>>,
    {
        let summary = self.summary();
        if admission.epoch != summary.epoch() || summary.ignores_results() {
            return None;
        }
        let verdict =
            if summary.uses_default_classification() && FailureOn::is_always_success(outcome) {
                Verdict::Success
            } else {
                policy().failure_on().verdict(outcome)
            };
        let report = CallReport { latency, verdict };
        match verdict {
            // A probe has a place to give back.
            Verdict::Neutral if admission.probe.is_none() => return None,
            Verdict::Success if summary.ignores_successes() => {}
            Verdict::Failure | Verdict::Neutral | Verdict::Success => return Some(report),
        }
        if !summary.counted() {
            return None;
        }
        let mut micros_taken = 0;
        if summary.timed() {
            if policy().is_slow(latency) {
                return Some(report);
            }
            micros_taken = micros(latency);
        }
        self.successes
            .record(place(), admission.epoch, micros_taken, now);
        None
    }

    /// Runs `f` on the machine; `policy` is asked for under the lock, so that no decision is made
    /// by a policy that was replaced before it.
    pub(super) fn with<P, T>(
        &self,
        policy: impl FnOnce() -> P,
        f: impl FnOnce(&mut Machine, &CircuitBreakerPolicy) -> T,
    ) -> T
    where
        P: Deref<Target = Arc<CircuitBreakerPolicy>>,
    {
        // `Machine` has no half-made states, so a poisoned lock still guards a good one.
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = policy();
        let (begun, _) = machine.scope();
        let result = f(&mut machine, &policy);
        let (begins, scope) = machine.scope();
        if begins != begun {
            // Before the word that lets in those who will be counted.
            self.successes.begin(machine.epoch, scope);
        }
        let bits = machine.summary(&policy).bits();
        // Only written when it changes: a write takes the cache line from all the other cores.
        if self.summary.load(Ordering::Relaxed) != bits {
            self.summary.store(bits, Ordering::Release);
        }
        result
    }

    #[inline]
    pub(super) fn summary(&self) -> AtomicSummary {
        AtomicSummary::from_bits(self.summary.load(Ordering::Acquire))
    }
}

#[cfg(all(test, meshless_loom))]
mod loom_tests;
#[cfg(all(test, not(meshless_loom)))]
mod tests;
