//! The circuit against the machine alone: both decide alike, however many calls bypass the machine.

use proptest::prelude::*;

use super::*;
use crate::foundation::outcome::{Failure, Rejection};
use crate::foundation::sync::Percent;
use crate::foundation::time::clock;
use crate::policies::circuit_breaker::machine::Events;
use crate::policies::circuit_breaker::{CircuitState, Counts, Probes, Window};

const SECOND: Duration = Duration::from_secs(1);

/// A circuit, and a machine that receives every report.
struct Rig {
    circuit: Circuit,
    machine: Machine,
    now: Instant,
    policy: Arc<CircuitBreakerPolicy>,
}

impl Rig {
    fn new(policy: CircuitBreakerPolicy) -> Self {
        Self {
            circuit: Circuit::new(&policy),
            machine: Machine::new(&policy),
            now: clock::now(),
            policy: Arc::new(policy),
        }
    }

    /// Applies `f` to both.
    fn both<T>(&mut self, f: impl Fn(&mut Machine, &CircuitBreakerPolicy) -> T) -> [T; 2] {
        let policy = || Box::new(Arc::clone(&self.policy));
        let ours = self.circuit.with(policy, &f);
        [ours, f(&mut self.machine, &self.policy)]
    }

    fn admit(&mut self) -> [Result<AdmittedBy, Rejection>; 2] {
        let now = self.now;
        let summary = self.circuit.summary();
        let admit = |machine: &mut Machine, policy: &_| machine.admit(policy, now, 0).0;
        if summary.admits() {
            return [
                Ok(AdmittedBy::by(summary)),
                admit(&mut self.machine, &self.policy),
            ];
        }
        self.both(admit)
    }

    fn settle(&mut self, admission: AdmittedBy, call: &Call) -> [Events; 2] {
        let (now, latency) = (self.now, Duration::from_millis(call.millis));
        let policy = || Box::new(Arc::clone(&self.policy));
        let (outcome, place) = (call.outcome, || call.place);
        let report = self
            .circuit
            .settle(admission, outcome, latency, place, || now, policy);
        let successes = |now| self.circuit.successes(now);
        let ours = report.map_or([None, None, None], |report| {
            self.circuit.with(policy, |machine, policy| {
                machine.settle(admission, report, successes, policy, now, 0)
            })
        });
        let verdict = self.policy.failure_on().verdict(call.outcome);
        let report = CallReport { latency, verdict };
        let none = |_| SuccessSample::default();
        let plain = self
            .machine
            .settle(admission, report, none, &self.policy, now, 0);
        [ours, plain]
    }

    fn seen(&mut self) -> [(CircuitState, Counts, u32); 2] {
        let (now, successes) = (self.now, self.circuit.successes(self.now));
        let see = |machine: &mut Machine, policy: &_, successes| {
            let state = machine.state(policy, now);
            (state, machine.counts(successes, now), machine.streak())
        };
        let policy = || Box::new(Arc::clone(&self.policy));
        let ours = self
            .circuit
            .with(policy, |m, policy| see(m, policy, successes));
        let plain = see(&mut self.machine, &self.policy, SuccessSample::default());
        [ours, plain]
    }
}

#[derive(Clone, Debug)]
struct Call {
    millis: u64,
    outcome: Outcome,
    place: usize,
}

#[derive(Clone, Debug)]
enum Step {
    Call(Call),
    Close(bool),
    Hold,
    Open(u64),
    Reconfigure(CircuitBreakerPolicy),
    Settle(usize, Call),
    Wait(u64),
}

fn call() -> impl Strategy<Value = Call> {
    let outcome = prop_oneof![
        6 => Just(Outcome::SUCCESS),
        1 => Just(Outcome::Abandoned),
        2 => Just(Outcome::Failed(Failure::Timeout)),
    ];
    (0..130_u64, outcome, 0..16_usize).prop_map(|(millis, outcome, place)| Call {
        millis,
        outcome,
        place,
    })
}

/// A call is slow above 100 ms. No jitter, so that both are deterministic.
fn policy() -> impl Strategy<Value = CircuitBreakerPolicy> {
    let window = prop_oneof![
        Just(Window::Count(4)),
        Just(Window::Count(20)),
        Just(Window::Time(10 * SECOND)),
    ];
    let rates = [prop::option::of(30..90_u8), prop::option::of(30..90_u8)];
    (
        0..5_u32,
        rates,
        1..8_u32,
        window,
        0..3_u64,
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(consecutive, [failed, slow], minimum, window, ramp, dry_run)| {
                let rate = |percent: Option<u8>| percent.map_or(Percent::NONE, Percent::new);
                CircuitBreakerPolicy::default()
                    .with_consecutive_failures(consecutive)
                    .with_dry_run(dry_run)
                    .with_failure_rate(rate(failed))
                    .with_minimum_calls(minimum)
                    .with_open_for(3 * SECOND)
                    .with_probes(Probes::new(2))
                    .with_ramp(Duration::from_secs(ramp))
                    .with_slow_calls(rate(slow), Duration::from_millis(100))
                    .with_window(window)
            },
        )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        30 => call().prop_map(Step::Call),
        1 => any::<bool>().prop_map(Step::Close),
        4 => Just(Step::Hold),
        1 => (0..5_u64).prop_map(Step::Open),
        2 => policy().prop_map(Step::Reconfigure),
        4 => (any::<usize>(), call()).prop_map(|(i, call)| Step::Settle(i, call)),
        6 => (0..3_000_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn whatever_threads_count_by_themselves_both_decide_alike(
        policy in policy(),
        steps in steps(),
    ) {
        let mut rig = Rig::new(policy);
        let mut held = Vec::new();
        for step in steps {
            let now = rig.now;
            match step {
                Step::Call(call) => {
                    let [ours, plain] = rig.admit();
                    prop_assert_eq!(ours, plain);
                    if let Ok(admission) = ours {
                        let [ours, plain] = rig.settle(admission, &call);
                        prop_assert_eq!(ours, plain);
                    }
                }
                Step::Close(forced) => drop(rig.both(|m, _| m.close(forced))),
                Step::Hold => held.extend(rig.admit()[0]),
                Step::Open(seconds) => {
                    rig.both(|m, _| m.force_open(Some(Duration::from_secs(seconds)), now));
                }
                Step::Reconfigure(policy) => {
                    rig.policy = Arc::new(policy);
                    rig.both(|m, policy| m.reconfigure(policy, now));
                }
                Step::Settle(i, call) if !held.is_empty() => {
                    let admission = held.swap_remove(i % held.len());
                    let [ours, plain] = rig.settle(admission, &call);
                    prop_assert_eq!(ours, plain);
                }
                Step::Settle(..) => {}
                Step::Wait(millis) => rig.now += Duration::from_millis(millis),
            }
            let [ours, plain] = rig.seen();
            prop_assert_eq!(ours, plain);
        }
    }
}
