use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::super::policy_snapshot::PolicySnapshot;
use super::*;
use crate::policies::rate_limit::RateLimitPolicy;

const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Thread and cost of a call.
    Call(usize, u64),
    Pass(u64),
    Limit(u64),
}

fn steps(costs: std::ops::Range<u64>) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0_usize..9, costs).prop_map(|(home, cost)| Step::Call(home, cost)),
        3 => (0..SECOND / 3).prop_map(Step::Pass),
        1 => (1_u64..90).prop_map(Step::Limit),
    ];
    prop::collection::vec(step, 0..300)
}

fn at_most(n: u64) -> RateLimitPolicy {
    RateLimitPolicy::per_second(n)
}

fn bucket(n: u64) -> RateLimitPolicy {
    RateLimitPolicy::token_bucket(n, n, Duration::from_secs(1))
}

/// Admitted calls with their cost and time.
#[derive(Debug, Default)]
struct Admitted(VecDeque<(u64, u64)>);

impl Admitted {
    fn within(&self, from: u64) -> u64 {
        let later = self.0.iter().filter(|(at, _)| *at > from);
        later.map(|(_, cost)| cost).sum()
    }
}

proptest! {
    #[test]
    fn parts_add_up_to_the_whole(n: u64, count: u16) {
        for policy in [at_most(n), bucket(n)] {
            let parts = Quota::of(&policy).parts(count);
            let shards = Shards::new(&parts);
            prop_assert!(parts.len() <= usize::from(count));
            if !shards.is_empty() {
                let status = shards.status(0);
                prop_assert_eq!((status.limit, status.remaining), (n, n));
            }
        }
    }

    /// Sequentially, and across new limits, "at most" is exact: it admits the same calls as a limit
    /// without shards, for any cost.
    #[test]
    fn at_most_is_as_exact_at_many_places_as_at_one(steps in steps(1..4), places in 2_u16..20) {
        let mut limit = 20;
        let mut now = 0;
        let (mut one, mut many) =
            (PolicySnapshot::new(at_most(limit), 1), PolicySnapshot::new(at_most(limit), places));
        let mut admitted = Admitted::default();
        for step in steps {
            match step {
                Step::Call(home, cost) => {
                    let expected = one.take(None, cost, now, 0);
                    let found = many.take_at(home, cost, now);
                    prop_assert_eq!(expected.is_ok(), found.is_ok());
                    if cost == 1 {
                        prop_assert_eq!(expected, found);
                    }
                    if found.is_ok() {
                        admitted.0.push_back((now, cost));
                        let within = admitted.within(now.saturating_sub(SECOND));
                        prop_assert!(now < SECOND || within <= limit);
                    }
                    let (one, many) = (one.status(None, now), many.status(None, now));
                    prop_assert_eq!(one.remaining, many.remaining);
                }
                Step::Pass(time) => now += time,
                Step::Limit(next) => {
                    limit = next;
                    one = one.reconfigured(at_most(limit), now);
                    many = many.reconfigured(at_most(limit), now);
                }
            }
        }
    }

    /// A bucket admits at most the calls of one without shards, and admits again after the time in
    /// which a token comes in its shard, at the latest.
    #[test]
    fn a_bucket_is_never_more_than_the_whole_and_late_by_a_16th_at_most(
        steps in steps(1..4), n in 32_u64..200, places in 2_u16..20,
    ) {
        let mut now = 0;
        let quota = Quota::of(&bucket(n));
        let many = PolicySnapshot::new(bucket(n), places);
        // The state of a whole bucket after exactly the admitted calls.
        let whole = Store::new(0);
        // Rounding loses a nanosecond for each call in each shard.
        let mut let_in = 0;
        for step in steps {
            match step {
                Step::Call(home, cost) => {
                    if many.take_at(home, cost, now).is_ok() {
                        let_in += 1;
                        let slack = now + 2 * let_in;
                        let taken = whole.take(&quota, None, cost, slack, 0);
                        prop_assert!(taken.is_ok(), "{:?}", taken);
                    } else if cost == 1 {
                        let later = now + SECOND / 16 + 1;
                        prop_assert!(many.status(None, later).remaining > 0);
                    }
                }
                Step::Pass(time) => now += time,
                Step::Limit(_) => {}
            }
        }
    }

    /// Usage is kept by a new policy, in whatever shards it is counted afterwards.
    #[test]
    fn a_new_policy_finds_what_was_used(
        used in 0_u64..99, before in 0_u8..2, limit in 1_u64..200, places in 2_u16..20,
    ) {
        let policies = [at_most(99), bucket(99)];
        let left = limit.saturating_sub(used);
        let queued = at_most(limit).with_max_queue(1);
        for policy in [at_most(limit), bucket(limit), queued, RateLimitPolicy::off()] {
            let many = PolicySnapshot::new(policies[usize::from(before)].clone(), places);
            for home in 0..usize::try_from(used).unwrap() {
                prop_assert!(many.take_at(home, 1, 0).is_ok());
            }
            // Twice, since counts merged into one state are distributed again.
            let next = many.reconfigured(policy.clone(), 0);
            if !policy.is_off() {
                prop_assert_eq!(next.status(None, 0).remaining, left);
            }
            let again = next.reconfigured(at_most(limit), 0);
            prop_assert_eq!(again.status(None, 0).remaining, left);
        }
    }
}

impl PolicySnapshot {
    /// Takes as the thread of that number does.
    fn take_at(&self, home: usize, cost: u64, now: u64) -> Result<u64, Denied> {
        if self.is_sharded(None) {
            self.shards().take(cost, now, home)
        } else {
            self.take(None, cost, now, 0)
        }
    }
}

#[test]
fn twenty_a_minute_at_sixteen_places_are_twenty_from_one_thread() {
    let many = PolicySnapshot::new(RateLimitPolicy::per_minute(20), 16);
    for _ in 0..20 {
        assert!(many.take(None, 1, 0, 0).is_ok());
    }
    assert_eq!(
        many.take(None, 1, SECOND, 0),
        Err(Denied(Some(59 * SECOND)))
    );
    assert!(many.take(None, 20, 60 * SECOND, 0).is_ok());
}

#[test]
fn what_is_turned_away_costs_nothing() {
    let many = PolicySnapshot::new(at_most(10), 5);
    assert_eq!(many.take(None, 11, 0, 0), Err(Denied(None)));
    assert!(many.take(None, 7, 0, 0).is_ok());
    assert!(many.take(None, 4, 0, 0).is_err());
    assert!(many.take(None, 3, 0, 0).is_ok());
}

#[test]
fn what_is_charged_later_is_missing_wherever_there_was_room() {
    let many = PolicySnapshot::new(at_most(10), 5);
    many.charge(None, 7, 0);
    assert_eq!(many.status(None, 0).remaining, 3);
    many.charge(None, 7, 0);
    assert!(many.take(None, 1, 0, 0).is_err());
    assert!(many.take(None, 10, SECOND, 0).is_ok());
}

#[test]
fn what_cannot_be_right_at_many_places_is_counted_at_one() {
    let day = Duration::from_secs(86_400);
    for policy in [
        at_most(9).with_max_queue(1),
        at_most(9).with_cost(|_| 2),
        at_most(9).with_usage(|_, _| 2),
        at_most(9).with_charge(true),
        at_most(1),
        at_most(0),
        bucket(31),
        bucket(99).with_discrete_refill(true),
        RateLimitPolicy::token_bucket(99, 1, 400 * day),
        RateLimitPolicy::token_bucket(u64::MAX, 1, day),
        RateLimitPolicy::off(),
    ] {
        assert!(
            !PolicySnapshot::new(policy.clone(), 16).is_sharded(None),
            "{policy:?}"
        );
    }
    for policy in [at_most(2), bucket(32)] {
        let many = PolicySnapshot::new(policy, 16);
        assert!(many.is_sharded(None) && !many.is_sharded(Some(7)));
    }
}
