//! The machine on its own, with plain instants.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::counters::counts::SuccessSample;
use super::machine::{AdmittedBy, CallReport, Events, Machine};
use super::{CircuitBreakerPolicy, CircuitState, Probes, Verdict, Window};
use crate::foundation::events::EventKind;
use crate::foundation::outcome::{OpenReason, Rejection};
use crate::foundation::sync::Percent;
use crate::foundation::time::clock;

const SECOND: Duration = Duration::from_secs(1);

/// A machine with its policy and a clock that is moved by hand.
struct Rig {
    machine: Machine,
    now: Instant,
    policy: CircuitBreakerPolicy,
    roll: u64,
}

impl Rig {
    fn new(policy: CircuitBreakerPolicy) -> Self {
        Self {
            machine: Machine::new(&policy),
            now: clock::now(),
            policy,
            roll: 0,
        }
    }

    fn admit(&mut self) -> Result<AdmittedBy, Rejection> {
        self.machine.admit(&self.policy, self.now, self.roll).0
    }

    fn settle(&mut self, admission: AdmittedBy, verdict: Verdict) -> Events {
        let latency = Duration::ZERO;
        let report = CallReport { latency, verdict };
        let (policy, now, random) = (&self.policy, self.now, self.roll);
        let elsewhere = |_| SuccessSample::default();
        self.machine
            .settle(admission, report, elsewhere, policy, now, random)
    }

    fn state(&self) -> CircuitState {
        self.machine.state(&self.policy, self.now)
    }
}

fn touchy() -> CircuitBreakerPolicy {
    CircuitBreakerPolicy::default()
        .with_consecutive_failures(1)
        .with_jitter(Percent::NONE)
        .with_ramp(Duration::ZERO)
}

#[test]
fn a_clock_that_runs_back_neither_panics_nor_opens_the_way() {
    let mut rig = Rig::new(touchy().with_ramp(10 * SECOND));
    let start = rig.now;
    let admission = rig.admit().unwrap();
    rig.settle(admission, Verdict::Failure);
    rig.now = start.checked_sub(SECOND).unwrap();
    assert_eq!(
        rig.admit().unwrap_err().retry_after(),
        Some(31 * SECOND),
        "the opening ends when it was announced"
    );
    rig.now = start + 30 * SECOND;
    let probe = rig.admit().unwrap();
    rig.now = start;
    assert!(rig.admit().is_err());
    rig.settle(probe, Verdict::Success);
    assert!(matches!(rig.state(), CircuitState::Recovering { .. }));
    rig.now = start.checked_sub(SECOND).unwrap();
    let share = Percent::new(10);
    assert_eq!(rig.state(), CircuitState::Recovering { share });
}

#[test]
fn an_opening_that_the_clock_cannot_hold_lasts_for_ever() {
    let mut rig = Rig::new(touchy().with_open_for(Duration::MAX));
    let admission = rig.admit().unwrap();
    rig.settle(admission, Verdict::Failure);
    rig.now += Duration::from_secs(1_000_000_000);
    assert!(rig.admit().is_err());
}

#[test]
fn growth_stops_at_the_maximum_however_often_it_opens() {
    let policy = CircuitBreakerPolicy::default();
    assert_eq!(policy.open_for_after(0, u64::MAX), 30 * SECOND);
    assert_eq!(policy.open_for_after(1, 0), 60 * SECOND);
    let jittered = policy.open_for_after(1, u64::MAX).as_secs_f64();
    assert!((65.9..=66.0).contains(&jittered), "{jittered}");
    assert_eq!(policy.open_for_after(u32::MAX, u64::MAX), 300 * SECOND);
    let shrinking = policy.with_growth(f64::NAN);
    assert_eq!(shrinking.open_for_after(9, 0), 30 * SECOND);
}

#[test]
fn the_chance_of_a_request_rises_evenly_while_recovering() {
    let mut rig = Rig::new(touchy().with_ramp(100 * SECOND));
    let admission = rig.admit().unwrap();
    rig.settle(admission, Verdict::Failure);
    rig.now += 30 * SECOND;
    let probe = rig.admit().unwrap();
    rig.settle(probe, Verdict::Success);
    let start = rig.now;
    for (second, share) in [(0, 10), (5, 10), (20, 20), (50, 50), (99, 99)] {
        rig.now = start + second * SECOND;
        rig.roll = (u64::MAX / 100) * (share - 1);
        assert!(rig.admit().is_ok(), "{share} % after {second} s");
        rig.roll = (u64::MAX / 100) * (share + 1);
        assert!(matches!(
            rig.admit(),
            Err(Rejection::CircuitOpen {
                reason: OpenReason::Recovering(_),
                retry_after: None
            })
        ));
    }
    rig.now = start + 100 * SECOND;
    rig.roll = u64::MAX;
    assert!(rig.admit().is_ok());
}

#[test]
fn a_recovery_that_nobody_watched_to_its_end_is_over_all_the_same() {
    let mut rig = Rig::new(touchy().with_ramp(SECOND).with_consecutive_failures(2));
    rig.machine.force_open(Some(Duration::ZERO), rig.now);
    let probe = rig.admit().unwrap();
    rig.settle(probe, Verdict::Success);
    let slow = [0; 2].map(|_| rig.admit().unwrap());
    rig.now += SECOND;
    let events = slow.map(|admission| rig.settle(admission, Verdict::Failure));
    let opened = EventKind::CircuitOpened {
        open_for: Some(30 * SECOND),
        reason: OpenReason::ConsecutiveFailures(2),
    };
    let expected = [
        [Some(EventKind::CircuitClosed), None, None],
        [None, Some(opened), None],
    ];
    assert_eq!(events, expected);
}

#[test]
fn probes_judged_together_decide_when_all_have_reported() {
    let policy = touchy()
        .with_failure_rate(Percent::new(50))
        .with_probes(Probes::with_batch_evaluation(4));
    for (verdicts, closes) in [
        ([false, false, true, true], false),
        ([false, true, true, true], true),
    ] {
        let mut rig = Rig::new(policy.clone());
        rig.machine.force_open(Some(Duration::ZERO), rig.now);
        for good in verdicts {
            assert_eq!(rig.state(), CircuitState::HalfOpen);
            let probe = rig.admit().unwrap();
            let verdict = if good {
                Verdict::Success
            } else {
                Verdict::Failure
            };
            rig.settle(probe, verdict);
        }
        assert_eq!(rig.state() == CircuitState::Closed, closes);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Admit,
    Back(u64),
    Close(bool),
    Open(Option<u64>),
    Settle(usize, Verdict),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let verdict = prop_oneof![
        Just(Verdict::Failure),
        Just(Verdict::Neutral),
        Just(Verdict::Success)
    ];
    let step = prop_oneof![
        8 => Just(Step::Admit),
        1 => (0..3_u64).prop_map(Step::Back),
        1 => any::<bool>().prop_map(Step::Close),
        1 => prop::option::of(0..20_u64).prop_map(Step::Open),
        8 => (any::<usize>(), verdict).prop_map(|(i, verdict)| Step::Settle(i, verdict)),
        3 => (0..40_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    /// In any sequence of steps, the circuit admits a request in the end, unless it is forced open,
    /// and never has more probes in flight than allowed.
    #[test]
    fn nothing_wedges_it(steps in steps(), at_once in 1..4_u32, rated in any::<bool>()) {
        let probes = Probes::new(2).with_at_once(at_once).with_failures(2).with_lease(5 * SECOND);
        let rate = if rated { Percent::new(50) } else { Percent::NONE };
        let policy = touchy()
            .with_consecutive_failures(3)
            .with_failure_rate(rate)
            .with_minimum_calls(2)
            .with_probes(probes)
            .with_ramp(3 * SECOND)
            .with_window(Window::Time(10 * SECOND));
        let mut rig = Rig::new(policy);
        let mut held = Vec::new();
        // An expired lease stays expired, also for a clock that lags behind.
        let mut latest = rig.now;
        for step in steps {
            match step {
                Step::Admit => {
                    if let Ok(admission) = rig.admit() {
                        let until = rig.now + 5 * SECOND;
                        held.push((admission, until));
                    }
                }
                Step::Back(seconds) => rig.now -= SECOND * u32::try_from(seconds).unwrap(),
                Step::Close(forced) => drop(rig.machine.close(forced)),
                Step::Open(seconds) => {
                    let open_for = seconds.map(Duration::from_secs);
                    rig.machine.force_open(open_for, rig.now);
                }
                Step::Settle(i, verdict) if !held.is_empty() => {
                    let (admission, _) = held.swap_remove(i % held.len());
                    let stale = admission.epoch != rig.machine.epoch;
                    let before = rig.state();
                    let events = rig.settle(admission, verdict);
                    if stale {
                        prop_assert_eq!(events, [None, None, None]);
                        prop_assert_eq!(rig.state(), before);
                    }
                }
                Step::Settle(..) => {}
                Step::Wait(seconds) => rig.now += Duration::from_secs(seconds),
            }
            latest = latest.max(rig.now);
            let epoch = rig.machine.epoch;
            let probing = held.iter().filter(|(admission, until)| {
                admission.epoch == epoch && admission.probe.is_some() && latest < *until
            });
            if matches!(rig.state(), CircuitState::HalfOpen) {
                prop_assert!(probing.count() <= at_once as usize);
            }
        }
        rig.now += Duration::from_secs(400);
        let forced = rig.state() == CircuitState::ForcedOpen;
        prop_assert_eq!(rig.admit().is_ok(), !forced);
    }
}
