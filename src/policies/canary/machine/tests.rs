use std::time::{Duration, Instant};

use super::*;
use crate::foundation::outcome::Outcome;
use crate::foundation::time::clock;
use crate::policies::canary::{AfterHold, Check, Hold, Tally};

const SECOND: Duration = Duration::from_secs(1);

const FIFTH: Duration = Duration::from_millis(20);

fn steps() -> CanaryPolicy {
    CanaryPolicy::new([
        Step::SetWeight(Percent::new(10)),
        Step::Pause(60 * SECOND),
        Step::SetWeight(Percent::new(50)),
        Step::Pause(60 * SECOND),
    ])
}

struct Rollout {
    canary: Canary,
    now: Instant,
}

impl Rollout {
    fn new(policy: CanaryPolicy) -> Self {
        let now = clock::now();
        let mut canary = Canary::new(policy, now);
        canary.evaluate(now);
        Self { canary, now }
    }

    /// Makes 50 requests in each second, every tenth to the canary; `fails` decides by version and number.
    fn traffic(&mut self, seconds: u32, fails: impl Fn(Version, u32) -> bool) -> Decision {
        for n in 0..seconds * 50 {
            self.now += FIFTH;
            let version = if n % 10 == 0 {
                Version::Canary
            } else {
                Version::Stable
            };
            let outcome = if fails(version, n) {
                Failure::Connect.into()
            } else {
                Outcome::SUCCESS
            };
            self.canary
                .record(version, Sample::new(outcome, FIFTH), self.now);
        }
        self.canary.evaluate(self.now)
    }

    fn evaluate_after(&mut self, time: Duration) -> Decision {
        self.now += time;
        self.canary.evaluate(self.now)
    }
}

fn is_canary(version: Version, _: u32) -> bool {
    version == Version::Canary
}

#[test]
fn a_good_canary_takes_each_step_in_its_time() {
    let mut rollout = Rollout::new(steps());
    let mut weights = Vec::new();
    for _ in 0..125 {
        let decision = rollout.traffic(1, |_, _| false);
        if weights.last() != Some(&decision.weight()) {
            weights.push(decision.weight());
        }
    }
    assert_eq!(weights, [Percent::new(10), Percent::new(50), Percent::ALL]);
}

#[test]
fn a_canary_that_refuses_connections_is_withdrawn_in_a_second_and_says_why() {
    let mut rollout = Rollout::new(steps());
    let decision = rollout.traffic(1, is_canary);
    assert_eq!(decision.weight(), Percent::NONE);
    let text = decision.to_string();
    assert!(
        text.starts_with("weight 0 %: aborted: the canary is worse: success, canary 5 of 5 (100.00 %), stable 0 of 45 (0.00 %), evidence"),
        "{text}"
    );
    // For good.
    rollout.canary.promote_fully();
    rollout.canary.promote();
    assert_eq!(rollout.traffic(9, |_, _| false).weight(), Percent::NONE);
}

#[test]
fn a_canary_that_never_answers_is_withdrawn_when_its_answers_are_overdue() {
    let mut rollout = Rollout::new(steps().with_answer_within(2 * SECOND));
    let mut aborted_after = None;
    for n in 0..500 {
        let version = if n % 10 == 0 {
            Version::Canary
        } else {
            Version::Stable
        };
        rollout.canary.begin(version, rollout.now);
        rollout.now += FIFTH;
        if version == Version::Stable {
            let sample = Sample::new(Outcome::SUCCESS, FIFTH);
            rollout.canary.record(version, sample, rollout.now);
        }
        let decision = rollout.canary.evaluate(rollout.now);
        if matches!(decision.verdict(), Verdict::Aborted(_)) {
            aborted_after = Some(n / 50);
            break;
        }
    }
    assert_eq!(aborted_after, Some(2));
}

#[test]
fn a_common_outage_holds_and_the_rollout_goes_on_after_it() {
    let mut rollout = Rollout::new(steps());
    rollout.traffic(50, |_, _| false);
    // Every second request of both, in the same pattern.
    let outage = |_: Version, n: u32| (n / 10).is_multiple_of(2);
    let mut decision = rollout.traffic(1, outage);
    for _ in 0..20 {
        decision = rollout.traffic(1, outage);
    }
    let Verdict::Hold(Hold::CommonCause { stable, .. }) = decision.verdict() else {
        panic!("{decision}");
    };
    assert!(*stable > 0.2, "{decision}");
    for _ in 0..300 {
        decision = rollout.traffic(1, |_, _| false);
    }
    assert_eq!(decision.verdict(), &Verdict::Promoted);
}

#[test]
fn a_canary_without_traffic_is_neither_promoted_nor_withdrawn() {
    let mut rollout = Rollout::new(steps());
    let decision = rollout.evaluate_after(3_600 * SECOND);
    assert_eq!(decision.weight(), Percent::new(10));
    assert_eq!(
        decision.to_string(),
        "weight 10 %: hold: success has 0 of 57 canary requests, without any the time is unknown"
    );
}

#[test]
fn a_hold_for_lack_of_traffic_says_how_long_it_takes() {
    let mut rollout = Rollout::new(steps());
    // 50 requests in 100 s, 5 of them to the canary.
    rollout.traffic(1, |_, _| false);
    let decision = rollout.evaluate_after(99 * SECOND);
    let Verdict::Hold(Hold::TooLittleTraffic {
        expected,
        requests: 5,
        required,
        ..
    }) = decision.verdict()
    else {
        panic!("{decision}");
    };
    let seconds = expected.unwrap().as_secs();
    let exact = (required - 5) * 20;
    assert!(seconds.abs_diff(exact) <= 1, "{decision}");
}

#[test]
fn a_maximum_hold_promotes_or_withdraws_only_by_choice() {
    let policy = steps().with_maximum_hold(100 * SECOND, AfterHold::Abort);
    let mut rollout = Rollout::new(policy);
    rollout.evaluate_after(61 * SECOND);
    let text = rollout.evaluate_after(100 * SECOND).to_string();
    assert_eq!(text, "weight 0 %: aborted: too little evidence for 100s");

    let policy = steps().with_maximum_hold(100 * SECOND, AfterHold::Promote);
    let mut rollout = Rollout::new(policy);
    rollout.evaluate_after(61 * SECOND);
    let decision = rollout.evaluate_after(100 * SECOND);
    assert_eq!(decision.weight(), Percent::new(50));
}

#[test]
fn a_pause_by_hand_stops_steps_and_not_the_withdrawal() {
    let mut rollout = Rollout::new(steps());
    rollout.canary.pause();
    rollout.traffic(90, |_, _| false);
    let decision = rollout.evaluate_after(SECOND);
    assert_eq!(decision.verdict(), &Verdict::Hold(Hold::Paused));
    rollout.canary.resume();
    assert_eq!(rollout.evaluate_after(SECOND).weight(), Percent::new(50));
    rollout.canary.pause();
    let mut decision = rollout.traffic(1, is_canary);
    for _ in 0..20 {
        decision = rollout.traffic(1, is_canary);
    }
    assert!(
        matches!(decision.verdict(), Verdict::Aborted(_)),
        "{decision}"
    );
}

#[test]
fn a_promotion_by_hand_ends_one_wait() {
    let mut rollout = Rollout::new(CanaryPolicy::new([
        Step::SetWeight(Percent::new(10)),
        Step::PauseUntilPromoted,
        Step::SetWeight(Percent::new(20)),
        Step::PauseUntilPromoted,
    ]));
    rollout.traffic(60, |_, _| false);
    let decision = rollout.evaluate_after(SECOND);
    assert_eq!(decision.verdict(), &Verdict::Hold(Hold::UntilPromoted));
    rollout.canary.promote();
    let decision = rollout.evaluate_after(SECOND);
    assert_eq!(decision.verdict(), &Verdict::Hold(Hold::UntilPromoted));
    assert_eq!(decision.weight(), Percent::new(20));
    rollout.canary.promote_fully();
    assert_eq!(rollout.evaluate_after(SECOND).verdict(), &Verdict::Promoted);
}

#[test]
fn the_return_to_the_stable_version_may_be_gradual() {
    let mut rollout = Rollout::new(steps().with_return_over(10 * SECOND));
    rollout.canary.abort(rollout.now);
    assert_eq!(rollout.evaluate_after(5 * SECOND).weight(), Percent::new(5));
    assert_eq!(rollout.evaluate_after(5 * SECOND).weight(), Percent::NONE);
}

#[test]
fn routes_and_mirrors_end_with_the_rollout() {
    use crate::foundation::matching::StringMatch;
    let route = Step::SetHeaderRoute {
        name: "x-tester".into(),
        value: StringMatch::exact("yes"),
    };
    let mut rollout = Rollout::new(CanaryPolicy::new([
        route,
        Step::SetMirror(Percent::new(20)),
        Step::PauseUntilPromoted,
    ]));
    let canary = &mut rollout.canary;
    assert_eq!(
        (canary.routes().len(), canary.mirror()),
        (1, Percent::new(20))
    );
    canary.abort(rollout.now);
    assert_eq!((canary.routes().len(), canary.mirror()), (0, Percent::NONE));
}

#[test]
fn the_start_of_a_cold_canary_does_not_count() {
    let check = Check::success().with_warm_up(30 * SECOND);
    let mut rollout = Rollout::new(steps().with_checks([check]));
    let decision = rollout.traffic(29, is_canary);
    assert_eq!(decision.weight(), Percent::new(10));
    for _ in 0..300 {
        rollout.traffic(1, |_, _| false);
    }
    let decision = rollout.evaluate_after(SECOND);
    assert_eq!(decision.verdict(), &Verdict::Promoted);
}

#[test]
fn an_analysis_from_a_later_step_ignores_the_steps_before() {
    let mut rollout = Rollout::new(steps().with_analysis_from(3));
    let decision = rollout.traffic(61, is_canary);
    assert_eq!(decision.weight(), Percent::new(50));
    let mut decision = rollout.traffic(1, is_canary);
    for _ in 0..20 {
        decision = rollout.traffic(1, is_canary);
    }
    assert!(
        matches!(decision.verdict(), Verdict::Aborted(_)),
        "{decision}"
    );
}

#[test]
fn replicas_that_exchange_their_counts_withdraw_together() {
    let (mut one, mut two) = (Rollout::new(steps()), Rollout::new(steps()));
    // One bad request of five at each: no evidence for either by itself.
    let fails = |version, n| version == Version::Canary && n == 0;
    for _ in 0..2 {
        one.traffic(1, fails);
        two.traffic(1, fails);
        let (from_one, from_two) = (one.canary.closed().cloned(), two.canary.closed().cloned());
        one.canary.absorb(&from_two.unwrap());
        two.canary.absorb(&from_one.unwrap());
    }
    let (one, two) = (one.evaluate_after(SECOND), two.evaluate_after(SECOND));
    assert!(matches!(one.verdict(), Verdict::Aborted(_)), "{one}");
    assert!(matches!(two.verdict(), Verdict::Aborted(_)), "{two}");
}

#[test]
fn the_more_cautious_decision_of_two_replicas_holds() {
    let decision = |verdict, weight, step| Decision::new(verdict, Percent::new(weight), step);
    let fine = decision(Verdict::Promoted, 100, 4);
    let held = decision(Verdict::Hold(Hold::Paused), 10, 1);
    let aborted = decision(Verdict::Aborted(AbortReason::ByHand), 0, 1);
    assert_eq!(fine.clone().merge(held.clone()), held);
    assert_eq!(held.clone().merge(aborted.clone()), aborted);
    assert_eq!(aborted.clone().merge(fine), aborted);
}

#[test]
fn own_predicates_and_mean_latencies_are_compared_as_well() {
    let slow = Check::predicate("under 100 ms", |sample: &Sample| {
        Some(sample.latency() < Duration::from_millis(100))
    });
    let mean = Check::mean_latency(Duration::from_millis(200)).with_warm_up(Duration::ZERO);
    for check in [slow, mean] {
        let name = check.name().to_owned();
        let mut rollout = Rollout::new(steps().with_checks([check]));
        let mut aborted = None;
        for n in 0..2_000 {
            rollout.now += FIFTH;
            let (version, millis) = match n % 10 {
                0 => (Version::Canary, 150),
                _ => (Version::Stable, 50),
            };
            let sample = Sample::new(Outcome::SUCCESS, Duration::from_millis(millis));
            rollout.canary.record(version, sample, rollout.now);
            let decision = rollout.canary.evaluate(rollout.now);
            if matches!(decision.verdict(), Verdict::Aborted(_)) {
                aborted = Some(decision.to_string());
                break;
            }
        }
        assert!(aborted.is_some_and(|text| text.contains(&name)), "{name}");
    }
}

#[test]
fn extreme_counts_and_times_do_not_panic() {
    let mut rollout = Rollout::new(steps());
    let most = Tally::new(u64::MAX, u64::MAX);
    rollout.canary.absorb(&Counts::of_one_check(most, most));
    rollout
        .canary
        .absorb(&Counts::of_one_check(most, Tally::new(u64::MAX, 0)));
    rollout.canary.absorb(&Counts::default());
    let sample = Sample::new(Outcome::SUCCESS, Duration::MAX);
    rollout.canary.record(Version::Canary, sample, rollout.now);
    rollout.canary.evaluate(rollout.now);
    rollout.canary.begin(Version::Canary, rollout.now);
    rollout.canary.record(Version::Canary, sample, rollout.now);
    rollout.evaluate_after(Duration::from_secs(1 << 30));
    let none = CanaryPolicy::new([]).with_checks([]);
    let now = rollout.now;
    assert_eq!(
        Canary::new(none, now).evaluate(now).verdict(),
        &Verdict::Promoted
    );
}
