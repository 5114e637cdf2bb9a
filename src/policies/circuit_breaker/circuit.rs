use std::ops::Deref;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::counters::counts::{SuccessSample, micros};
use super::counters::success_counters::SuccessCounters;
use super::machine::{AdmittedBy, CallReport, Machine};
use super::summary::AtomicSummary;
use super::{CircuitBreakerPolicy, FailureOn, Verdict};
use crate::foundation::outcome::Outcome;
use crate::foundation::sync::primitives::Mutex;
use crate::foundation::sync::primitives::atomic::{AtomicU64, Ordering};

/// The state machine behind a mutex, with a lock-free fast path in front: an atomic summary of its
/// state and per-thread success counters.
///
/// The summary is written under the lock alone. A reader that sees an old summary acts as if its
/// request had arrived before the change; that is a valid ordering. Consecutive failures and rates
/// are each decided in such an order, though two calls that end in the same instant may be ordered
/// differently in the two.
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

    /// Returns the sum of the successes that were counted outside the machine.
    pub(super) fn successes(&self, now: Instant) -> SuccessSample {
        self.successes.total(now)
    }

    /// Settles an admitted call without the lock where possible; `place` returns the calling
    /// thread's shard. Otherwise returns the report for the machine.
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
            // A probe must free its slot, so it goes to the machine whatever its outcome.
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

    /// Runs `f` on the machine under the lock. `policy` is called under the lock, too, so that no
    /// decision uses a policy that was replaced before it.
    pub(super) fn with<P, T>(
        &self,
        policy: impl FnOnce() -> P,
        f: impl FnOnce(&mut Machine, &CircuitBreakerPolicy) -> T,
    ) -> T
    where
        P: Deref<Target = Arc<CircuitBreakerPolicy>>,
    {
        // Every change of `Machine` is complete before anything can panic, so a poisoned lock
        // guards a valid state.
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = policy();
        let (begun, _) = machine.scope();
        let result = f(&mut machine, &policy);
        let (begins, scope) = machine.scope();
        if begins != begun {
            // Counters before summary: requests admitted by the new summary must find the new
            // counters.
            self.successes.begin(machine.epoch, scope);
        }
        let bits = machine.summary(&policy).bits();
        // Written only when it changes: a write invalidates the cache line on every other core.
        // Relaxed suffices here: the lock orders all writers.
        if self.summary.load(Ordering::Relaxed) != bits {
            self.summary.store(bits, Ordering::Release);
        }
        result
    }

    #[inline]
    pub(super) fn summary(&self) -> AtomicSummary {
        // Acquire pairs with the Release in `with`: a thread that sees the summary finds its counters
        // reset.
        AtomicSummary::from_bits(self.summary.load(Ordering::Acquire))
    }
}

#[cfg(all(test, meshless_loom))]
mod loom_tests;
#[cfg(all(test, not(meshless_loom)))]
mod tests;
