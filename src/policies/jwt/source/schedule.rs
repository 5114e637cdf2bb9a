use std::time::{Duration, Instant};

use super::JwksPolicy;

/// Wait after a failed fetch until a request may start the next one, and of the task after the first one; the task's
/// doubles up to the interval of the policy.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The need of a request for keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::policies::jwt) enum Want {
    /// There are none.
    Any,
    /// Those that are there do not verify its token.
    Newer,
}

/// Answer to a need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// A fetch may begin after this time, and a request waits for that: the last one failed.
    In(Duration),
    /// It is too early for another fetch.
    No,
    /// A fetch has to begin.
    Start,
    /// A fetch runs.
    Wait,
}

/// The times of the fetches of one source: decides when the next one may begin, one at a time.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    failures: u32,
    is_running: bool,
    /// The end of the last fetch.
    last: Option<Instant>,
}

impl Schedule {
    /// Answers a need, and takes note of a fetch that it starts.
    pub(super) fn ask(&mut self, want: Want, policy: &JwksPolicy, now: Instant) -> Answer {
        if self.is_running {
            return Answer::Wait;
        }
        let has_failed = self.failures > 0;
        let pause = match want {
            _ if has_failed => FIRST_WAIT,
            Want::Any => Duration::ZERO,
            Want::Newer => policy.min_interval,
        };
        let rest = self.last.map_or(Duration::ZERO, |last| {
            pause.saturating_sub(now.saturating_duration_since(last))
        });
        if rest.is_zero() {
            self.is_running = true;
            Answer::Start
        } else if has_failed {
            Answer::In(rest)
        } else {
            Answer::No
        }
    }

    /// Returns the number of failed fetches since the last good one.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn begin(&mut self) {
        self.is_running = true;
    }

    /// Ends a fetch; returns the time to the next one.
    pub(super) fn end(&mut self, is_ok: bool, policy: &JwksPolicy, now: Instant) -> Duration {
        self.is_running = false;
        self.last = Some(now);
        if is_ok {
            self.failures = 0;
            policy.refresh
        } else {
            self.failures = self.failures.saturating_add(1);
            self.pause(policy)
        }
    }

    /// Ends a fetch that was given up with its task.
    pub(super) const fn abandon(&mut self) {
        self.is_running = false;
    }

    /// Returns the wait after failures: none without one.
    fn pause(&self, policy: &JwksPolicy) -> Duration {
        let Some(doublings) = self.failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let wait = FIRST_WAIT.saturating_mul(1 << doublings.min(16));
        wait.min(policy.min_interval.max(FIRST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::time::clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn many_requests_start_one_fetch() {
        let (policy, now) = (JwksPolicy::default(), clock::now());
        let mut schedule = Schedule::default();
        assert_eq!(schedule.ask(Want::Any, &policy, now), Answer::Start);
        for _ in 0..100 {
            assert_eq!(schedule.ask(Want::Any, &policy, now), Answer::Wait);
            assert_eq!(schedule.ask(Want::Newer, &policy, now), Answer::Wait);
        }
        assert_eq!(schedule.end(true, &policy, now), Duration::from_secs(1_200));
    }

    #[test]
    fn unknown_keys_cause_a_fetch_every_30_seconds_at_most() {
        let (policy, now) = (JwksPolicy::default(), clock::now());
        let mut schedule = Schedule::default();
        schedule.begin();
        schedule.end(true, &policy, now);
        assert_eq!(schedule.ask(Want::Newer, &policy, now), Answer::No);
        assert_eq!(
            schedule.ask(Want::Newer, &policy, now + 29 * SECOND),
            Answer::No
        );
        let later = now + 30 * SECOND;
        assert_eq!(schedule.ask(Want::Newer, &policy, later), Answer::Start);
        schedule.end(true, &policy, later);
        assert_eq!(
            schedule.ask(Want::Newer, &policy, later + 29 * SECOND),
            Answer::No
        );
    }

    #[test]
    fn failed_fetches_are_repeated_after_1_to_30_seconds_and_by_requests_every_second() {
        let (policy, now) = (JwksPolicy::default(), clock::now());
        let mut schedule = Schedule::default();
        for wait in [1, 2, 4, 8, 16, 30, 30, 30] {
            schedule.begin();
            assert_eq!(schedule.end(false, &policy, now), wait * SECOND);
            let soon = now + SECOND / 4;
            for want in [Want::Any, Want::Newer] {
                assert_eq!(
                    schedule.ask(want, &policy, soon),
                    Answer::In(SECOND * 3 / 4)
                );
            }
        }
        let later = now + SECOND;
        assert_eq!(schedule.ask(Want::Newer, &policy, later), Answer::Start);
        schedule.end(true, &policy, later);
        schedule.begin();
        assert_eq!(schedule.end(false, &policy, later), SECOND);
    }
}
