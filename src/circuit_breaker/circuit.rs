use std::ops::Deref;
use std::sync::{Arc, PoisonError};

use super::machine::{Admission, Machine};
use super::word::Word;
use super::{CircuitBreakerPolicy, Verdict};
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicU64, Ordering};

/// The machine behind its lock, and before it the word that spares most requests the lock.
///
/// The word is only written under the lock. Who reads it decides as if before everything that has not
/// reached the word yet, which is an order in which the requests could have come.
#[derive(Debug)]
pub(super) struct Circuit {
    machine: Mutex<Machine>,
    word: AtomicU64,
}

impl Circuit {
    pub(super) fn new(policy: &CircuitBreakerPolicy) -> Self {
        let machine = Machine::new(policy);
        let word = AtomicU64::new(machine.word(policy).bits());
        Self {
            machine: Mutex::new(machine),
            word,
        }
    }

    /// Admits a request if every request goes through, and says whether its time matters.
    pub(super) fn admit(&self) -> Option<(Admission, bool)> {
        let word = self.word();
        let (epoch, probe) = (word.epoch(), None);
        word.admits()
            .then(|| (Admission { epoch, probe }, word.timed()))
    }

    /// Says that this result of an admitted request would change nothing.
    pub(super) fn ignores(&self, admission: Admission, verdict: Verdict) -> bool {
        let word = self.word();
        if admission.epoch != word.epoch() || word.deaf() {
            return true;
        }
        match verdict {
            Verdict::Failure => false,
            // A probe has a place to give back.
            Verdict::Neutral => admission.probe.is_none(),
            Verdict::Success => word.quiet(),
        }
    }

    /// Runs `f` on the machine; `policy` is asked for under the lock, so that no decision is made by a
    /// policy that was replaced before it.
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
        let result = f(&mut machine, &policy);
        let bits = machine.word(&policy).bits();
        // Only written when it changes: a write takes the cache line from all the other cores.
        if self.word.load(Ordering::Relaxed) != bits {
            self.word.store(bits, Ordering::Release);
        }
        result
    }

    fn word(&self) -> Word {
        Word::from_bits(self.word.load(Ordering::Acquire))
    }
}
