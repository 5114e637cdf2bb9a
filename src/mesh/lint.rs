use std::time::Duration;

use super::LayerConfig;
use crate::policies::retry::RetryPolicy;
use crate::policies::timeout::TimeoutPolicy;

/// Contradiction between layers of a stack.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StackWarning {
    /// The circuit breaker is outside the retry.
    #[error(
        "the circuit breaker records one outcome for up to {attempts} attempts, so it opens after {attempts} \
         times as many failures: put it inside the retry"
    )]
    BreakerOutsideRetry {
        /// Maximum number of attempts per request.
        attempts: u32,
    },
    /// The concurrency limit is outside a retry that waits between attempts.
    #[error(
        "a request keeps its permit of the concurrency limit while it waits for its next attempt: put the \
         limit inside the retry"
    )]
    LimitHeldBetweenAttempts,
    /// The queue may hold requests for longer than the total timeout.
    #[error(
        "a request may be queued for {queue:?} but its timeout is {total:?}: shorten the queue's wait"
    )]
    QueueOutlastsTimeout {
        /// Maximum time in the queue.
        queue: Duration,
        /// Total timeout.
        total: Duration,
    },
    /// The retry has attempts, and its budget allows none.
    #[error(
        "the retry has {attempts} attempts and the budget pays for none: raise the budget or set 0 retries"
    )]
    RetriesWithoutBudget {
        /// Maximum number of retries.
        attempts: u32,
    },
    /// A total timeout interrupts streams.
    #[error(
        "a total timeout of {total:?} interrupts streams that last longer: set an idle timeout instead, with `TimeoutPolicy::head`"
    )]
    TimeoutOverStream {
        /// Total timeout.
        total: Duration,
    },
    /// The total timeout is inside the retry.
    #[error(
        "the total timeout of {total:?} limits each of up to {attempts} attempts and not their sum: put it \
         outside the retry, and set a per-try timeout in the retry's policy"
    )]
    TotalTimeoutInsideRetry {
        /// Total timeout, of one attempt.
        total: Duration,
        /// Maximum number of attempts per request.
        attempts: u32,
    },
    /// The attempts together exceed the total timeout.
    #[error(
        "{attempts} attempts of {per_try:?} do not fit into {total:?}: the last of them are shortened or \
         omitted"
    )]
    AttemptsOutlastTimeout {
        /// Per-try timeout.
        per_try: Duration,
        /// Total timeout.
        total: Duration,
        /// Maximum number of attempts per request.
        attempts: u32,
    },
    /// The per-try timeout is not shorter than the total timeout.
    #[error(
        "a per-try timeout of {per_try:?} is never reached within a total of {total:?}, and is ignored"
    )]
    PerTryTimeoutIgnored {
        /// Per-try timeout.
        per_try: Duration,
        /// Total timeout.
        total: Duration,
    },
}

/// Checks a stack, outermost layer first, for contradictions between its layers.
///
/// None of them is an error: each layer behaves as configured, and only the combination has a different
/// effect than intended. [`inbound`](super::inbound()) and [`outbound`](super::outbound()) log theirs once.
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
            && !timeout.ends_with_head()
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
                // A queue without a maximum wait ends at the deadline.
                if queue > total && queue < Duration::MAX {
                    found.push(StackWarning::QueueOutlastsTimeout { queue, total });
                }
            }
            LayerConfig::Streams if !timeout.ends_with_head() => {
                found.push(StackWarning::TimeoutOverStream { total });
            }
            _ => {}
        }
    }
}

/// Returns the retries with at least one retry.
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
