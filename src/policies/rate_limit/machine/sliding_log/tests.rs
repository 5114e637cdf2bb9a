use proptest::prelude::*;

use super::{CELLS, Denied, EXACT, LogState, SlidingLog};

/// Oracle that remembers every admission.
#[derive(Default)]
struct Naive(Vec<(u64, u64)>);

impl Naive {
    fn used(&self, quota: SlidingLog, now: u64) -> u64 {
        let live = self
            .0
            .iter()
            .rev()
            .take_while(|(at, _)| at + quota.period > now);
        live.map(|(_, amount)| amount).sum()
    }

    fn take(&mut self, quota: SlidingLog, cost: u64, now: u64) -> bool {
        let fits = self.used(quota, now) + cost <= quota.limit;
        if fits {
            self.0.push((now, cost));
        }
        fits
    }
}

#[test]
fn charges_that_are_more_than_a_number_holds_are_the_most_it_holds() {
    let quota = SlidingLog {
        limit: 10,
        period: 100,
    };
    let mut log = LogState::default();
    log.charge(quota, u64::MAX, 0);
    log.charge(quota, u64::MAX, 1);
    assert_eq!(log.used(quota, 50), u64::MAX);
    assert_eq!(log.used(quota, 200), 0);
    assert_eq!(log.take(quota, 10, 200, 0), Ok(200));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_lets_in_whatever_a_naive_log_would_as_long_as_it_is_exact(
        limit in 1_u64..EXACT as u64,
        period in 1_u64..5_000,
        steps in proptest::collection::vec((0_u64..100, 1_u64..20), 1..400),
    ) {
        let quota = SlidingLog { limit, period };
        let (mut log, mut naive) = (LogState::default(), Naive::default());
        let mut now = 0;
        for (pause, cost) in steps {
            now += pause;
            prop_assert_eq!(log.take(quota, cost, now, 0).is_ok(), naive.take(quota, cost, now));
            prop_assert_eq!(log.used(quota, now), naive.used(quota, now));
        }
    }

    #[test]
    fn in_no_period_is_there_more_than_the_limit_and_little_less_is_let_in(
        limit in 130_u64..2_000,
        period in 1_000_u64..100_000,
        steps in proptest::collection::vec((0_u64..300, 1_u64..10), 1..700),
    ) {
        let quota = SlidingLog { limit, period };
        let mut log = LogState::default();
        let mut passed = Naive::default();
        // Counting for a 64th longer admits no more than the real log.
        let longer = SlidingLog { limit, period: period + period / CELLS + 1 };
        let mut now = 0;
        for (pause, cost) in steps {
            now += pause;
            let fits_for_longer = passed.used(longer, now) + cost <= limit;
            let taken = log.take(quota, cost, now, 0).is_ok();
            prop_assert!(taken || !fits_for_longer);
            if taken {
                passed.0.push((now, cost));
                prop_assert!(passed.used(quota, now) <= limit);
            }
            prop_assert!(log.entries.len() <= EXACT);
        }
    }

    #[test]
    fn what_is_booked_keeps_to_the_limit_when_its_time_comes(
        limit in 1_u64..10,
        period in 1_u64..1_000,
        steps in proptest::collection::vec((0_u64..100, 1_u64..5, 0_u64..2_000), 1..200),
    ) {
        let quota = SlidingLog { limit, period };
        let mut log = LogState::default();
        let mut passed = Naive::default();
        let (mut now, mut last) = (0, 0);
        for (pause, cost, max_wait) in steps {
            now += pause;
            match log.take(quota, cost, now, max_wait) {
                Ok(at) => {
                    prop_assert!(at >= last && at >= now && at - now <= max_wait);
                    last = at;
                    passed.0.push((at, cost));
                    prop_assert!(passed.used(quota, at) <= limit);
                }
                Err(Denied(wait)) => prop_assert!(wait.is_none_or(|wait| wait > max_wait)),
            }
        }
    }

    #[test]
    fn the_wait_that_is_told_is_the_one_it_takes(
        limit in 1_u64..20,
        steps in proptest::collection::vec((0_u64..100, 1_u64..20), 1..100),
    ) {
        let quota = SlidingLog { limit, period: 500 };
        let mut log = LogState::default();
        let mut now = 0;
        for (pause, cost) in steps {
            now += pause;
            if let Err(Denied(Some(wait))) = log.take(quota, cost, now, 0) {
                prop_assert!(log.clone().take(quota, cost, now + wait - 1, 0).is_err());
                prop_assert!(log.clone().take(quota, cost, now + wait, 0).is_ok());
            }
        }
    }
}

#[test]
fn a_place_is_free_again_when_its_own_period_is_over() {
    let quota = SlidingLog {
        limit: 2,
        period: 60,
    };
    let mut log = LogState::default();
    for (now, expected) in [
        (0, Ok(0)),
        (30, Ok(30)),
        (59, Err(Denied(Some(1)))),
        (60, Ok(60)),
        (60, Err(Denied(Some(30)))),
        (90, Ok(90)),
    ] {
        assert_eq!(log.take(quota, 1, now, 0), expected, "at {now}");
    }
}

#[test]
fn a_caller_whose_clock_was_read_earlier_is_treated_as_one_of_now() {
    let quota = SlidingLog {
        limit: 2,
        period: 60,
    };
    let mut log = LogState::default();
    log.take(quota, 1, 100, 0).unwrap();
    assert_eq!(log.take(quota, 1, 99, 0), Ok(100));
    assert!(log.take(quota, 1, 159, 0).is_err());
}

#[test]
fn what_is_given_back_is_free_at_once_and_only_within_its_period() {
    let quota = SlidingLog {
        limit: 5,
        period: 60,
    };
    let mut log = LogState::default();
    log.take(quota, 5, 0, 0).unwrap();
    log.refund(quota, 3, 0, 10);
    assert_eq!(log.used(quota, 10), 2);
    log.take(quota, 5, 60, 0).unwrap();
    log.refund(quota, 2, 0, 60);
    assert_eq!(log.used(quota, 60), 5);
}

#[test]
fn no_period_holds_nobody_back() {
    let quota = SlidingLog {
        limit: 1,
        period: 0,
    };
    let mut log = LogState::default();
    for _ in 0..9 {
        log.take(quota, 1, 7, 0).unwrap();
    }
}
