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

    /// Returns the verdict on an admitted request, unless it would change nothing.
    pub(super) fn verdict(
        &self,
        admission: Admission,
        verdict: impl FnOnce() -> Verdict,
    ) -> Option<Verdict> {
        let word = self.word();
        if admission.epoch != word.epoch() || word.deaf() {
            return None;
        }
        let verdict = verdict();
        let ignored = match verdict {
            Verdict::Failure => false,
            // A probe has a place to give back.
            Verdict::Neutral => admission.probe.is_none(),
            Verdict::Success => word.quiet(),
        };
        (!ignored).then_some(verdict)
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

#[cfg(all(test, meshless_loom))]
mod loom_tests {
    use std::time::Duration;

    use loom::thread;

    use super::*;
    use crate::base::clock;
    use crate::circuit_breaker::machine::Report;
    use crate::{OpenReason, Percent, Rejection};

    fn policy() -> Arc<CircuitBreakerPolicy> {
        let policy = CircuitBreakerPolicy::default()
            .with_consecutive_failures(2)
            .with_jitter(Percent::NONE);
        Arc::new(policy)
    }

    /// Does what the layer does, with the same shortcuts.
    fn settle(circuit: &Circuit, admission: Admission, verdict: Verdict) -> bool {
        let Some(verdict) = circuit.verdict(admission, || verdict) else {
            return false;
        };
        let latency = Duration::ZERO;
        let report = Report { latency, verdict };
        let now = clock::now();
        let events = circuit.with(policy_of, |m, p| m.settle(admission, report, p, now, 0));
        events.into_iter().flatten().count() > 0
    }

    fn policy_of() -> Box<Arc<CircuitBreakerPolicy>> {
        Box::new(policy())
    }

    fn admit(circuit: &Circuit) -> Result<Admission, Rejection> {
        match circuit.admit() {
            Some((admission, _)) => Ok(admission),
            None => circuit.with(policy_of, |m, p| m.admit(p, clock::now(), 0).0),
        }
    }

    #[test]
    fn loom_failures_on_two_threads_open_it_exactly_once() {
        loom::model(|| {
            let circuit = Arc::new(Circuit::new(&policy()));
            let fail = |circuit: &Circuit| {
                let admission = admit(circuit).unwrap();
                settle(circuit, admission, Verdict::Failure)
            };
            let twin = Arc::clone(&circuit);
            let other = thread::spawn(move || fail(&twin));
            let opened = u32::from(fail(&circuit)) + u32::from(other.join().unwrap());
            assert_eq!(opened, 1);
            let Err(Rejection::CircuitOpen { why, .. }) = admit(&circuit) else {
                panic!("let in");
            };
            assert_eq!(why, OpenReason::ConsecutiveFailures(2));
        });
    }

    #[test]
    fn loom_a_good_call_that_finds_nothing_to_do_comes_before_or_after_each_failure() {
        loom::model(|| {
            let circuit = Arc::new(Circuit::new(&policy()));
            let twin = Arc::clone(&circuit);
            let admission = admit(&circuit).unwrap();
            let other = thread::spawn(move || {
                for _ in 0..2 {
                    if let Ok(admission) = admit(&twin) {
                        settle(&twin, admission, Verdict::Failure);
                    }
                }
            });
            settle(&circuit, admission, Verdict::Success);
            other.join().unwrap();
            // Between the failures it broke the row; before or after them it changed nothing.
            let streak = circuit.with(policy_of, |machine, _| machine.streak());
            let open = admit(&circuit).is_err();
            assert!(
                open && streak == 2 || !open && streak <= 1,
                "{open} {streak}"
            );
        });
    }

    #[test]
    fn loom_a_result_of_an_older_state_is_lost_whoever_comes_first() {
        loom::model(|| {
            let circuit = Arc::new(Circuit::new(&policy()));
            let stale = admit(&circuit).unwrap();
            let twin = Arc::clone(&circuit);
            let other = thread::spawn(move || settle(&twin, stale, Verdict::Failure));
            circuit.with(policy_of, |machine, _| drop(machine.close(false)));
            other.join().unwrap();
            let streak = circuit.with(policy_of, |machine, _| machine.streak());
            assert_eq!(streak, 0);
        });
    }
}
