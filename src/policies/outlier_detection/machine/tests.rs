use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn policy(interval: u32, base: u32, most: u32) -> OutlierDetectionPolicy {
    OutlierDetectionPolicy::default()
        .with_interval(interval * SECOND / 4)
        .with_base_ejection_time(base * SECOND / 2)
        .with_max_ejection_time(most * SECOND)
        .with_max_ejection_percent(Percent::ALL)
}

/// Ejects the hosts that are named and lets time pass, in one step or in many.
fn run(
    policy: &OutlierDetectionPolicy,
    acts: &[(HostId, u32)],
    step: Duration,
) -> (Vec<Change>, Vec<Option<Duration>>) {
    let start = Instant::now();
    let mut machine = Machine::new(start);
    (0..3).for_each(|host| machine.insert(host));
    let (mut changes, mut now) = (Vec::new(), start);
    for (host, seconds) in acts {
        let mut first = Step {
            changes: &mut changes,
            now,
            policy,
            random: &mut || 0,
        };
        machine.advance(&mut first);
        let reason = EjectionReason::Consecutive5xx;
        machine.found(*host, reason, Percent::ALL, &mut first);
        let end = now + *seconds * SECOND;
        while now < end {
            now = (now + step).min(end);
            let mut next = Step {
                changes: &mut changes,
                now,
                policy,
                random: &mut || 0,
            };
            machine.advance(&mut next);
        }
    }
    let returned = (0..3).map(|host| machine.host(host)?.returned());
    let returned = returned.map(|at| at.map(|at| at - start));
    (changes, returned.collect())
}

proptest! {
    #[test]
    fn sweeps_that_are_left_out_would_have_changed_nothing(
        interval in 1..12_u32,
        base in 0..9_u32,
        most in 0..12_u32,
        acts in prop::collection::vec((0..3_u64, 0..40_u32), 1..12),
    ) {
        let policy = policy(interval, base, most);
        let one_by_one = run(&policy, &acts, SECOND / 4);
        prop_assert_eq!(run(&policy, &acts, 1_000 * SECOND), one_by_one);
    }
}

#[test]
fn a_year_of_sweeps_in_which_nothing_happens_takes_no_time() {
    let start = Instant::now();
    let policy = policy(0, 0, 0)
        .with_base_ejection_time(Duration::MAX)
        .with_max_ejection_time_jitter(Duration::MAX);
    let mut machine = Machine::new(start);
    machine.insert(0);
    let mut step = Step {
        changes: &mut Vec::new(),
        now: start,
        policy: &policy,
        random: &mut || u64::MAX,
    };
    machine.found(0, EjectionReason::Consecutive5xx, Percent::ALL, &mut step);
    // A sweep each millisecond: 31 billion of them.
    step.now = start + 365 * 86_400 * SECOND;
    machine.advance(&mut step);
    assert!(machine.is_ejected(0));
}
