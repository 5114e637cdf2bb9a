//! State of the policies.

use std::time::Duration;

use super::record::snapshot;
use crate::foundation::outcome::OpenReason;
use crate::policies::circuit_breaker::{CircuitBreakerLayer, CircuitState};
use crate::policies::concurrency_limit::ConcurrencyLimitLayer;
use crate::policies::rate_limit::RateLimitLayer;
use crate::policies::retry::{RetryLayer, RetryStats};

snapshot! {
    /// State of a circuit breaker.
    CircuitBreakerSnapshot {
        /// Current state; serialized as its [label](CircuitState::label).
        state: CircuitState,
        /// Reason why the circuit is open; `None` unless it is.
        reason: Option<OpenReason>,
        /// Time until the first probe; `None` unless the circuit is open for a time.
        remaining: Option<Duration>,
        /// Number of calls in the window; 0 without a rate.
        calls: u64,
        /// Number of failed calls in the window.
        failed: u64,
        /// Number of slow calls in the window.
        slow: u64,
        /// Number of consecutive failures; 0 if the policy does not count them.
        consecutive_failures: u32,
    }
}

snapshot! {
    /// State of a concurrency limit.
    ConcurrencyLimitSnapshot {
        /// Number of permits in use; 0 without a limit, which counts nothing.
        in_flight: u32,
        /// Number of waiting requests.
        pending: u32,
        /// Maximum of requests in flight; `None` without a limit.
        max_in_flight: Option<u32>,
        /// Maximum of waiting requests; 0 if a request over the limit is rejected at once.
        max_pending: u32,
    }
}

snapshot! {
    /// State of a rate limit.
    RateLimitSnapshot {
        /// Amount that can be used at once, for each key; `None` if the policy is off.
        limit: Option<u64>,
        /// Amount that is left; `None` with a key, of which each has its own, and if the policy is off.
        remaining: Option<u64>,
        /// Time until something is left, zero while something is; `None` as for `remaining`.
        reset: Option<Duration>,
        /// Number of keys that have used a part of their limit at present; 0 without a key.
        keys: usize,
        /// Maximum number of remembered keys.
        max_keys: usize,
        /// Number of calls over the limit so far, rejected or not.
        rate_limited: u64,
        /// Number of rejected calls so far.
        enforced: u64,
        /// Number of keys evicted so far although they had used some of their limit.
        evicted: u64,
        /// Number of calls in the queue.
        waiting: usize,
    }
}

snapshot! {
    /// State of a retry budget.
    RetryBudgetSnapshot {
        /// Number of retries that wait or run.
        retries_in_flight: u32,
        /// Maximum number of retries that wait or run; `None` if there is none, or if it depends on the requests.
        max_parallel: Option<u32>,
        /// Number of requests in flight; 0 unless the budget is a share of them.
        requests_in_flight: u32,
        /// Number of retries that are saved, negative for a debt; `None` unless the budget is a share of all requests.
        balance: Option<f64>,
        /// Share of the budget, as text.
        policy: Box<str>,
    }
}

impl CircuitBreakerSnapshot {
    pub(in crate::mesh) fn of(layer: &CircuitBreakerLayer) -> Self {
        let (state, counts) = (layer.state(), layer.counts());
        let (reason, remaining) = match state {
            CircuitState::Open { remaining, reason } => (Some(reason), Some(remaining)),
            CircuitState::ForcedOpen => (Some(OpenReason::Forced), None),
            _ => (None, None),
        };
        Self {
            state,
            reason,
            remaining,
            calls: counts.calls(),
            failed: counts.failed(),
            slow: counts.slow(),
            consecutive_failures: layer.consecutive_failures(),
        }
    }
}

impl ConcurrencyLimitSnapshot {
    pub(in crate::mesh) fn of(layer: &ConcurrencyLimitLayer) -> Self {
        let policy = layer.policy();
        Self {
            in_flight: layer.in_flight(),
            pending: layer.pending(),
            max_in_flight: Some(policy.max_in_flight()).filter(|max| *max > 0),
            max_pending: policy.max_pending(),
        }
    }
}

impl RateLimitSnapshot {
    pub(in crate::mesh) fn of(layer: &RateLimitLayer) -> Self {
        let (policy, counters) = (layer.policy(), layer.stats());
        let status = layer.limiter().status();
        let whole = (policy.is_on() && !policy.is_keyed()).then_some(status);
        Self {
            limit: policy.is_on().then_some(status.limit),
            remaining: whole.map(|status| status.remaining),
            reset: whole.map(|status| status.reset),
            keys: layer.limiter().keys_in_use(),
            max_keys: policy.max_keys(),
            rate_limited: counters.rate_limited,
            enforced: counters.enforced,
            evicted: counters.evicted,
            waiting: counters.waiting,
        }
    }
}

impl RetryBudgetSnapshot {
    pub(in crate::mesh) fn of(layer: &RetryLayer) -> Self {
        let policy = layer.policy();
        Self::new(
            layer.stats(),
            policy.max_parallel(),
            policy.budget().describe(),
        )
    }

    pub(in crate::mesh) fn new(
        stats: RetryStats,
        max_parallel: Option<u32>,
        policy: String,
    ) -> Self {
        Self {
            retries_in_flight: stats.retries_in_flight,
            max_parallel,
            requests_in_flight: stats.requests_in_flight,
            balance: stats.balance,
            policy: policy.into(),
        }
    }
}
