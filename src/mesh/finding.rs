use std::time::Duration;

use super::Part;
use crate::retry::RetryPolicy;
use crate::timeout::TimeoutPolicy;

/// Something that a combination of layers promises and cannot do.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Finding {
    /// A circuit breaker stands outside a retry.
    #[error(
        "the circuit breaker hears one outcome for up to {tries} tries, so it opens after {tries} \
         times as many failures: put it inside the retry"
    )]
    BreakerOutsideRetry {
        /// How often one request is sent at most.
        tries: u32,
    },
    /// A concurrency limit stands outside a retry that waits between its tries.
    #[error(
        "a request keeps its place in the concurrency limit while it waits to be tried again: put the \
         limit inside the retry"
    )]
    LimitHeldBetweenTries,
    /// A queue may hold requests longer than anybody waits for them.
    #[error(
        "a request may be queued for {queue:?} but is given up after {total:?}: shorten the queue's wait"
    )]
    QueueOutlastsTimeout {
        /// How long a request may be queued.
        queue: Duration,
        /// How long it may take in all.
        total: Duration,
    },
    /// Retries are asked for, and there is no budget for any.
    #[error(
        "retries are asked for (`attempts` is {attempts}) and the budget pays for none: raise it or say 0 retries"
    )]
    RetriesWithoutBudget {
        /// How many retries are asked for.
        attempts: u32,
    },
    /// A total timeout cuts off streams.
    #[error(
        "a total timeout of {total:?} cuts off streams that last longer: set an idle timeout in its place"
    )]
    TimeoutOverStream {
        /// The total timeout.
        total: Duration,
    },
    /// A total timeout stands inside a retry.
    #[error(
        "the total timeout of {total:?} limits each of up to {tries} tries and not all of them: put it \
         outside the retry, and say a per-try timeout in the retry's policy"
    )]
    TotalTimeoutInsideRetry {
        /// The total timeout.
        total: Duration,
        /// How often one request is sent at most.
        tries: u32,
    },
    /// The tries take longer together than the total timeout allows.
    #[error(
        "{tries} tries of {per_try:?} do not fit into {total:?}: the last of them are cut short or never \
         made"
    )]
    TriesOutlastTimeout {
        /// How long one try may take.
        per_try: Duration,
        /// How long all may take.
        total: Duration,
        /// How often one request is sent at most.
        tries: u32,
    },
    /// The per-try timeout is not shorter than the total.
    #[error(
        "a per-try timeout of {per_try:?} is never reached within a total of {total:?}, and is ignored"
    )]
    PerTryTimeoutIgnored {
        /// How long one try may take.
        per_try: Duration,
        /// How long all may take.
        total: Duration,
    },
}

/// Looks through a stack, outermost layer first, for what it cannot do.
///
/// Nothing here is wrong enough to be refused: each layer keeps its own promise, and only the promise
/// that they seem to make together is broken. The presets say what they find in the log, once.
#[must_use]
pub fn findings(parts: &[Part<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let inside = &parts[place + 1..];
        match part {
            Part::CircuitBreaker(policy) if policy.is_off() => {}
            Part::CircuitBreaker(_) => {
                found.extend(retries(inside).map(|retry| Finding::BreakerOutsideRetry {
                    tries: tries(retry),
                }));
            }
            Part::ConcurrencyLimit(policy) if policy.max_in_flight() == 0 => {}
            Part::ConcurrencyLimit(_) => {
                found.extend(retries(inside).map(|_| Finding::LimitHeldBetweenTries));
            }
            Part::Retry(retry) => of_retry(retry, inside, &mut found),
            Part::Streams => {}
            Part::Timeout(timeout) => of_timeout(timeout, inside, &mut found),
        }
    }
    found
}

fn of_retry(retry: &RetryPolicy, inside: &[Part<'_>], found: &mut Vec<Finding>) {
    let attempts = retry.attempts();
    if attempts == 0 {
        return;
    }
    if retry.is_unpayable() {
        found.push(Finding::RetriesWithoutBudget { attempts });
    }
    for part in inside {
        if let Part::Timeout(timeout) = part
            && let Some(total) = total(timeout)
            && !timeout.is_per_try()
        {
            let tries = tries(retry);
            found.push(Finding::TotalTimeoutInsideRetry { total, tries });
        }
    }
}

fn of_timeout(timeout: &TimeoutPolicy, inside: &[Part<'_>], found: &mut Vec<Finding>) {
    let Some(total) = total(timeout) else {
        return;
    };
    for retry in retries(inside) {
        let Some(per_try) = retry.per_try_timeout() else {
            continue;
        };
        let tries = tries(retry);
        if per_try >= total {
            found.push(Finding::PerTryTimeoutIgnored { per_try, total });
        } else if per_try.saturating_mul(tries) > total {
            found.push(Finding::TriesOutlastTimeout {
                per_try,
                total,
                tries,
            });
        }
    }
    for part in inside {
        match part {
            Part::ConcurrencyLimit(limit) if limit.max_pending() > 0 => {
                let queue = limit.max_wait();
                // A wait without an end of its own ends with the deadline.
                if queue > total && queue < Duration::MAX {
                    found.push(Finding::QueueOutlastsTimeout { queue, total });
                }
            }
            Part::Streams if !timeout.is_per_try() => {
                found.push(Finding::TimeoutOverStream { total });
            }
            _ => {}
        }
    }
}

/// The retries that retry.
fn retries<'a>(parts: &'a [Part<'_>]) -> impl Iterator<Item = &'a RetryPolicy> {
    parts.iter().filter_map(|part| match part {
        Part::Retry(retry) if retry.attempts() > 0 => Some(*retry),
        _ => None,
    })
}

fn total(timeout: &TimeoutPolicy) -> Option<Duration> {
    let total = timeout.total_timeout();
    (!total.is_zero()).then_some(total)
}

fn tries(retry: &RetryPolicy) -> u32 {
    retry.attempts().saturating_add(1)
}
