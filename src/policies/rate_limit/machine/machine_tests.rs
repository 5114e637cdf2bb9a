//! The token bucket compared with governor's. In a separate file, because a bench includes the
//! machine itself.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;
use governor::RateLimiter;
use governor::clock::{Clock, FakeRelativeClock};
use proptest::prelude::*;

use super::token_bucket::{Bucket, Denied, Reservation};

const SECOND: u64 = 1_000_000_000;

fn take(bucket: &Bucket, full_at: &mut u64, cost: u64, now: u64) -> Result<(), Denied> {
    let Reservation { full_at: next, .. } = bucket.take(*full_at, cost, now, 0)?;
    *full_at = next;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_decides_as_governor_and_tells_the_same_wait(
        emission in 1_u64..10_000,
        burst in 1_u32..50,
        steps in proptest::collection::vec((0_u64..50_000, 1_u32..60), 1..200),
    ) {
        let one_per = Duration::from_nanos(emission);
        let quota = Quota::with_period(one_per).unwrap().allow_burst(NonZeroU32::new(burst).unwrap());
        let clock = FakeRelativeClock::default();
        let oracle = RateLimiter::direct_with_clock(quota, clock.clone());
        let bucket = Bucket::new(burst.into(), 1, emission);
        let (mut now, mut full_at) = (0, 0);
        for (pause, cost) in steps {
            now += pause;
            clock.advance(Duration::from_nanos(pause));
            let expected = match oracle.check_n(NonZeroU32::new(cost).unwrap()) {
                Ok(Ok(())) => Ok(()),
                Ok(Err(until)) => {
                    let wait = until.wait_time_from(clock.now());
                    Err(Denied(Some(u64::try_from(wait.as_nanos()).unwrap())))
                }
                Err(_) => Err(Denied(None)),
            };
            prop_assert_eq!(take(&bucket, &mut full_at, cost.into(), now), expected);
        }
    }

    #[test]
    fn in_no_time_does_more_pass_than_the_bucket_holds_and_gets(
        (max, fill, interval) in (1_u64..40, 1_u64..40, 1_000_u64..1_000_000),
        discrete: bool,
        steps in proptest::collection::vec((0_u64..200_000, 1_u64..5), 1..300),
    ) {
        let bucket = Bucket::new(max, fill, interval);
        let bucket = if discrete { bucket.on_grid(interval) } else { bucket };
        let (mut now, mut full_at) = (0, 0);
        let mut passed = Vec::new();
        for (pause, cost) in steps {
            now += pause;
            if take(&bucket, &mut full_at, cost, now).is_ok() {
                passed.push((now, cost));
            }
        }
        for (index, (from, _)) in passed.iter().enumerate() {
            let mut sum = 0;
            for (calls, (to, cost)) in passed[index..].iter().enumerate() {
                sum += cost;
                // Rounding gains a nanosecond for each call, as documented; on the grid one more
                // fill.
                let time = to - from + calls as u64 + 1 + if discrete { interval } else { 0 };
                let allowed = u128::from(max) * u128::from(interval)
                    + u128::from(time) * u128::from(fill);
                prop_assert!(u128::from(sum) * u128::from(interval) <= allowed);
            }
        }
    }

    #[test]
    fn what_is_given_back_is_as_if_it_had_never_been_taken(
        taken in 1_u64..10, more in 0_u64..10, pause in 0_u64..SECOND,
    ) {
        let bucket = Bucket::new(20, 1, SECOND);
        let (mut one, mut two) = (0, 0);
        take(&bucket, &mut one, taken, SECOND).unwrap();
        take(&bucket, &mut one, more, SECOND).unwrap();
        take(&bucket, &mut two, more, SECOND).unwrap();
        let one = bucket.refund(one, taken);
        let now = SECOND + pause;
        prop_assert_eq!(bucket.status(one, now).remaining, bucket.status(two, now).remaining);
    }
}

#[test]
fn an_earlier_now_is_not_a_free_token() {
    let bucket = Bucket::new(1, 1, SECOND);
    let mut full_at = 0;
    take(&bucket, &mut full_at, 1, 5 * SECOND).unwrap();
    let wait = Denied(Some(SECOND + 7));
    assert_eq!(take(&bucket, &mut full_at, 1, 5 * SECOND - 7), Err(wait));
}

#[test]
fn a_bucket_of_nothing_lets_nothing_in_and_one_without_a_refill_gets_a_token_a_year() {
    assert_eq!(
        Bucket::new(0, 1, SECOND).take(0, 1, 9, u64::MAX),
        Err(Denied(None))
    );
    let bucket = Bucket::new(1, 0, SECOND);
    let mut full_at = 0;
    take(&bucket, &mut full_at, 1, 0).unwrap();
    let year = 365 * 24 * 3_600 * SECOND;
    assert_eq!(take(&bucket, &mut full_at, 1, 0), Err(Denied(Some(year))));
}

#[test]
fn a_debt_is_paid_before_anybody_is_let_in_and_numbers_do_not_overflow() {
    let bucket = Bucket::new(10, 1, SECOND);
    let full_at = bucket.charge(0, 25, SECOND);
    assert_eq!(bucket.status(full_at, SECOND).remaining, 0);
    assert_eq!(
        bucket.take(full_at, 1, SECOND, 0),
        Err(Denied(Some(16 * SECOND)))
    );
    let endless = bucket.charge(full_at, u64::MAX, SECOND);
    assert!(bucket.take(endless, 1, u64::MAX / 2, 0).is_err());
    let huge = Bucket::new(u64::MAX, 1, u64::MAX);
    assert!(huge.take(0, u64::MAX, u64::MAX, u64::MAX).is_ok());
}

#[test]
fn faster_than_a_token_a_nanosecond_still_counts() {
    let bucket = Bucket::new(2, 5_000_000_000, SECOND);
    let mut full_at = 0;
    take(&bucket, &mut full_at, 1, 0).unwrap();
    take(&bucket, &mut full_at, 2, 9).unwrap();
    assert!(full_at > 9);
}
