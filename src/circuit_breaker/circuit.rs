use std::ops::Deref;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::counts::{Good, micros};
use super::goods::Goods;
use super::machine::{Admission, Machine, Report};
use super::word::Word;
use super::{CircuitBreakerPolicy, FailureOn, Verdict};
use crate::Outcome;
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicU64, Ordering};

/// The machine behind its lock, and before it what spares most requests the lock: the word, and the
/// places where good calls are counted.
///
/// The word is only written under the lock. Who reads it decides as if before everything that has
/// not reached the word yet, which is an order in which the requests could have come. Where both
/// failures in a row and rates are asked for, each is decided in such an order, though two calls
/// that end in the same instant may not come in the same order in both.
#[derive(Debug)]
pub(super) struct Circuit {
    goods: Goods,
    machine: Mutex<Machine>,
    word: AtomicU64,
}

impl Circuit {
    pub(super) fn new(policy: &CircuitBreakerPolicy) -> Self {
        let (goods, machine) = (Goods::default(), Machine::new(policy));
        goods.begin(machine.epoch, machine.scope().1);
        let word = AtomicU64::new(machine.word(policy).bits());
        Self {
            goods,
            machine: Mutex::new(machine),
            word,
        }
    }

    /// Sums up the good calls that were counted without the machine.
    pub(super) fn goods(&self, now: Instant) -> Good {
        self.goods.total(now)
    }

    /// Settles an admitted call without the machine if that can be, by a thread that counts at
    /// `place`. If not, returns what is to be reported to the machine.
    #[inline]
    pub(super) fn settle<P>(
        &self,
        admission: Admission,
        outcome: Outcome,
        latency: Duration,
        place: impl FnOnce() -> usize,
        now: impl FnOnce() -> Instant,
        policy: impl Fn() -> P,
    ) -> Option<Report>
    where
        P: Deref<Target = Arc<CircuitBreakerPolicy>>,
    {
        let word = self.word();
        if admission.epoch != word.epoch() || word.deaf() {
            return None;
        }
        let verdict = if word.plain() && FailureOn::is_good_anyhow(outcome) {
            Verdict::Success
        } else {
            policy().failure_on().verdict(outcome)
        };
        let report = Report { latency, verdict };
        match verdict {
            // A probe has a place to give back.
            Verdict::Neutral if admission.probe.is_none() => return None,
            Verdict::Success if word.quiet() => {}
            Verdict::Failure | Verdict::Neutral | Verdict::Success => return Some(report),
        }
        if !word.counted() {
            return None;
        }
        let mut micros_taken = 0;
        if word.timed() {
            if policy().is_slow(latency) {
                return Some(report);
            }
            micros_taken = micros(latency);
        }
        self.goods
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
            self.goods.begin(machine.epoch, scope);
        }
        let bits = machine.word(&policy).bits();
        // Only written when it changes: a write takes the cache line from all the other cores.
        if self.word.load(Ordering::Relaxed) != bits {
            self.word.store(bits, Ordering::Release);
        }
        result
    }

    #[inline]
    pub(super) fn word(&self) -> Word {
        Word::from_bits(self.word.load(Ordering::Acquire))
    }
}

#[cfg(all(test, meshless_loom))]
mod loom_tests;
#[cfg(all(test, not(meshless_loom)))]
mod tests;
