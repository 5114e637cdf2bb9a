use std::time::Duration;

use super::LayerConfig;
use crate::policies::retry::RetryPolicy;
use crate::policies::timeout::TimeoutPolicy;

/// Something that a combination of layers promises and cannot do.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StackWarning {
    /// A circuit breaker stands outside a retry.
    #[error(
        "the circuit breaker hears one outcome for up to {attempts} tries, so it opens after {attempts} \
         times as many failures: put it inside the retry"
    )]
    BreakerOutsideRetry {
        /// How often one request is sent at most.
        attempts: u32,
    },
    /// A concurrency limit stands outside a retry that waits between its tries.
    #[error(
        "a request keeps its place in the concurrency limit while it waits to be tried again: put the \
         limit inside the retry"
    )]
    LimitHeldBetweenAttempts,
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
        "the total timeout of {total:?} limits each of up to {attempts} tries and not all of them: put it \
         outside the retry, and say a per-try timeout in the retry's policy"
    )]
    TotalTimeoutInsideRetry {
        /// The total timeout.
        total: Duration,
        /// How often one request is sent at most.
        attempts: u32,
    },
    /// The tries take longer together than the total timeout allows.
    #[error(
        "{attempts} tries of {per_try:?} do not fit into {total:?}: the last of them are cut short or never \
         made"
    )]
    AttemptsOutlastTimeout {
        /// How long one try may take.
        per_try: Duration,
        /// How long all may take.
        total: Duration,
        /// How often one request is sent at most.
        attempts: u32,
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
pub fn lint(parts: &[LayerConfig<'_>]) -> Vec<StackWarning> {
    let mut found = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let inside = &parts[place + 1..];
        match part {
            LayerConfig::CircuitBreaker(policy) if policy.is_off() => {}
            LayerConfig::CircuitBreaker(_) => {
                found.extend(
                    retries(inside).map(|retry| StackWarning::BreakerOutsideRetry {
                        attempts: attempts_of(retry),
                    }),
                );
            }
            LayerConfig::ConcurrencyLimit(policy) if policy.max_in_flight() == 0 => {}
            LayerConfig::ConcurrencyLimit(_) => {
                found.extend(retries(inside).map(|_| StackWarning::LimitHeldBetweenAttempts));
            }
            LayerConfig::Retry(retry) => of_retry(retry, inside, &mut found),
            LayerConfig::Streams => {}
            LayerConfig::Timeout(timeout) => of_timeout(timeout, inside, &mut found),
        }
    }
    found
}

fn of_retry(retry: &RetryPolicy, inside: &[LayerConfig<'_>], found: &mut Vec<StackWarning>) {
    let attempts = retry.attempts();
    if attempts == 0 {
        return;
    }
    if retry.has_no_budget() {
        found.push(StackWarning::RetriesWithoutBudget { attempts });
    }
    for part in inside {
        if let LayerConfig::Timeout(timeout) = part
            && let Some(total) = total(timeout)
            && !timeout.is_per_try()
        {
            let attempts = attempts_of(retry);
            found.push(StackWarning::TotalTimeoutInsideRetry { total, attempts });
        }
    }
}

fn of_timeout(timeout: &TimeoutPolicy, inside: &[LayerConfig<'_>], found: &mut Vec<StackWarning>) {
    let Some(total) = total(timeout) else {
        return;
    };
    for retry in retries(inside) {
        let Some(per_try) = retry.per_try_timeout() else {
            continue;
        };
        let attempts = attempts_of(retry);
        if per_try >= total {
            found.push(StackWarning::PerTryTimeoutIgnored { per_try, total });
        } else if per_try.saturating_mul(attempts) > total {
            found.push(StackWarning::AttemptsOutlastTimeout {
                per_try,
                total,
                attempts,
            });
        }
    }
    for part in inside {
        match part {
            LayerConfig::ConcurrencyLimit(limit) if limit.max_pending() > 0 => {
                let queue = limit.max_wait();
                // A wait without an end of its own ends with the deadline.
                if queue > total && queue < Duration::MAX {
                    found.push(StackWarning::QueueOutlastsTimeout { queue, total });
                }
            }
            LayerConfig::Streams if !timeout.is_per_try() => {
                found.push(StackWarning::TimeoutOverStream { total });
            }
            _ => {}
        }
    }
}

/// The retries that retry.
fn retries<'a>(parts: &'a [LayerConfig<'_>]) -> impl Iterator<Item = &'a RetryPolicy> {
    parts.iter().filter_map(|part| match part {
        LayerConfig::Retry(retry) if retry.attempts() > 0 => Some(*retry),
        _ => None,
    })
}

fn total(timeout: &TimeoutPolicy) -> Option<Duration> {
    let total = timeout.total_timeout();
    (!total.is_zero()).then_some(total)
}

fn attempts_of(retry: &RetryPolicy) -> u32 {
    retry.attempts().saturating_add(1)
}
