use loom::thread;

use super::*;
use crate::foundation::events::EventKind;
use crate::foundation::outcome::{OpenReason, Rejection};
use crate::foundation::sync::Percent;
use crate::foundation::time::clock;
use crate::policies::circuit_breaker::Window;

const BAD: Outcome = Outcome::Failed(crate::foundation::outcome::Failure::Timeout);
const GOOD: Outcome = Outcome::SUCCESS;

/// A circuit with its policy.
struct Rig {
    circuit: Circuit,
    policy: Arc<CircuitBreakerPolicy>,
}

impl Rig {
    fn new(policy: CircuitBreakerPolicy) -> Arc<Self> {
        Arc::new(Self {
            circuit: Circuit::new(&policy),
            policy: Arc::new(policy),
        })
    }

    fn of_streaks() -> Arc<Self> {
        let policy = CircuitBreakerPolicy::default().with_jitter(Percent::NONE);
        Self::new(policy.with_consecutive_failures(2))
    }

    /// Creates a circuit that reports its counts on every failed call, and never opens.
    fn of_rates(window: Window) -> Arc<Self> {
        let policy = CircuitBreakerPolicy::off()
            .with_dry_run(true)
            .with_failure_rate(Percent::per_million(1))
            .with_minimum_calls(1)
            .with_open_for(Duration::ZERO)
            .with_window(window);
        Self::new(policy)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Machine, &CircuitBreakerPolicy) -> T) -> T {
        self.circuit.with(|| Box::new(Arc::clone(&self.policy)), f)
    }

    fn admit(&self) -> Result<AdmittedBy, Rejection> {
        let summary = self.circuit.summary();
        if summary.admits() {
            return Ok(AdmittedBy::by(summary));
        }
        self.with(|machine, policy| machine.admit(policy, clock::now(), 0).0)
    }

    /// Settles a call as the layer does, with the same fast path; returns the reason if it opened
    /// the circuit.
    fn settle(&self, admission: AdmittedBy, outcome: Outcome, place: usize) -> Option<OpenReason> {
        let (latency, place) = (Duration::ZERO, || place);
        let policy = || Box::new(Arc::clone(&self.policy));
        let settled = self
            .circuit
            .settle(admission, outcome, latency, place, clock::now, policy);
        let report = settled?;
        let successes = |now| self.circuit.successes(now);
        let events = self.with(|machine, policy| {
            machine.settle(admission, report, successes, policy, clock::now(), 0)
        });
        let reason = |event| match event {
            EventKind::CircuitOpened { reason, .. } | EventKind::CircuitWouldOpen { reason } => {
                Some(reason)
            }
            _ => None,
        };
        events.into_iter().flatten().find_map(reason)
    }

    fn call(&self, outcome: Outcome, place: usize) -> Option<OpenReason> {
        let admission = self.admit().ok()?;
        self.settle(admission, outcome, place)
    }

    fn calls(&self) -> u64 {
        let now = clock::now();
        let counts = self.with(|machine, _| machine.counts(self.circuit.successes(now), now));
        counts.calls()
    }

    fn streak(&self) -> u32 {
        self.with(|machine, _| machine.streak())
    }
}

#[test]
fn loom_failures_on_two_threads_open_it_exactly_once() {
    loom::model(|| {
        let rig = Rig::of_streaks();
        let twin = Arc::clone(&rig);
        let other = thread::spawn(move || twin.call(BAD, 1));
        let opened = [rig.call(BAD, 0), other.join().unwrap()];
        assert_eq!(opened.into_iter().flatten().count(), 1);
        let Err(Rejection::CircuitOpen { reason, .. }) = rig.admit() else {
            panic!("let in");
        };
        assert_eq!(reason, OpenReason::ConsecutiveFailures(2));
    });
}

#[test]
fn loom_a_good_call_that_finds_nothing_to_do_comes_before_or_after_each_failure() {
    loom::model(|| {
        let rig = Rig::of_streaks();
        let twin = Arc::clone(&rig);
        let admission = rig.admit().unwrap();
        let other = thread::spawn(move || {
            twin.call(BAD, 1);
            twin.call(BAD, 1);
        });
        rig.settle(admission, GOOD, 0);
        other.join().unwrap();
        // The success reset the streak if it was counted between the failures; otherwise it had no
        // effect.
        let (open, streak) = (rig.admit().is_err(), rig.streak());
        assert!(
            open && streak == 2 || !open && streak <= 1,
            "{open} {streak}"
        );
    });
}

#[test]
fn loom_a_result_of_an_older_state_is_lost_whoever_comes_first() {
    loom::model(|| {
        let rig = Rig::of_streaks();
        let stale = rig.admit().unwrap();
        let twin = Arc::clone(&rig);
        let other = thread::spawn(move || twin.settle(stale, BAD, 1));
        rig.with(|machine, _| drop(machine.close(false)));
        other.join().unwrap();
        assert_eq!(rig.streak(), 0);
    });
}

fn failed_of_all(reason: Option<OpenReason>) -> [u64; 2] {
    match reason {
        Some(OpenReason::FailureRate { calls, failed }) => [failed, calls],
        other => panic!("{other:?}"),
    }
}

#[test]
fn loom_bad_calls_see_more_and_more_of_the_good_ones_and_in_the_end_all() {
    loom::model(|| {
        let rig = Rig::of_rates(Window::Count(10));
        let twin = Arc::clone(&rig);
        let other = thread::spawn(move || {
            twin.call(GOOD, 0);
            twin.call(GOOD, 1);
        });
        let [_, one] = failed_of_all(rig.call(BAD, 0));
        let [failed, two] = failed_of_all(rig.call(BAD, 0));
        other.join().unwrap();
        assert_eq!(failed, 2);
        let seen = [one - 1, two - 2];
        assert!(seen[0] <= seen[1] && seen[1] <= 2, "{seen:?}");
        assert_eq!(rig.calls(), 4);
    });
}

#[test]
fn loom_a_good_call_of_an_older_state_is_lost_whoever_comes_first() {
    for window in [Window::Count(10), Window::Time(Duration::from_secs(30))] {
        loom::model(move || {
            let rig = Rig::of_rates(window);
            // From here on, successes are counted per thread.
            rig.call(GOOD, 0);
            let stale = rig.admit().unwrap();
            let twin = Arc::clone(&rig);
            let other = thread::spawn(move || twin.settle(stale, GOOD, 1));
            rig.with(|machine, _| drop(machine.close(false)));
            rig.call(BAD, 0);
            other.join().unwrap();
            assert_eq!(rig.calls(), 1);
        });
    }
}
