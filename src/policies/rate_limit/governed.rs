//! Limits that a limiter of the governor crate decides; no other module uses that crate.

use std::fmt::{self, Debug, Formatter};
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::{RateLimitingMiddleware, StateSnapshot};
use governor::state::direct::{DirectStateStore, NotKeyed};
use governor::state::keyed::KeyedStateStore;
use governor::{InsufficientCapacity, NotUntil, Quota};

use super::{RateLimitPolicy, Status};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::RateLimited;
use crate::foundation::time::clock;

/// State of a limiter that its middleware returns for an admitted request.
///
/// Implemented for both middlewares of governor; implement it for the positive outcome of your own.
pub trait GovernorState {
    /// Returns the state, for the `RateLimit` headers of admitted requests; none if it is not known.
    fn snapshot(&self) -> Option<&StateSnapshot>;
}

/// The outcome of governor's `NoOpMiddleware`, which tells no state.
impl GovernorState for () {
    fn snapshot(&self) -> Option<&StateSnapshot> {
        None
    }
}

/// The outcome of governor's `StateInformationMiddleware`.
impl GovernorState for StateSnapshot {
    fn snapshot(&self) -> Option<&StateSnapshot> {
        Some(self)
    }
}

/// Tokio's clock for a limiter of governor: `tokio::time::pause` stops it, as it does all limits of this crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioClock;

impl Clock for TokioClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        clock::now()
    }
}

impl RateLimitPolicy {
    /// Admits each request that this limiter of the governor crate admits (feature `governor`).
    ///
    /// The limiter stays usable elsewhere, as an `Arc`. Rejections, `Retry-After`, headers, shares, dry run,
    /// events, counters and [`with_cost`](Self::with_cost) are those of any other policy. Without effect, since
    /// the state is governor's, are [`with_key`](Self::with_key), [`with_max_keys`](Self::with_max_keys),
    /// [`with_share`](Self::with_share), [`with_max_queue`](Self::with_max_queue) (a request over the limit
    /// is rejected at once), [`with_usage`](Self::with_usage) and [`with_charge`](Self::with_charge)
    /// (governor refunds nothing), and [`with_shards`](super::RateLimitLayer::with_shards); a warning names a key,
    /// share, queue, usage or charge that is set. [`RateLimiter::status`](super::RateLimiter::status) does not know its state.
    ///
    /// A limiter with `StateInformationMiddleware` tells its state, for
    /// [`RateLimitHeaders::All`](super::RateLimitHeaders::All); one without tells its quota when it rejects, so
    /// rejections have all their headers. Governor's own clock does not stop with tokio's; for tests on a paused clock
    /// create the limiter with [`TokioClock`].
    #[must_use]
    pub fn governor<S, C, M>(
        limiter: impl Into<Arc<governor::RateLimiter<NotKeyed, S, C, M>>>,
    ) -> Self
    where
        S: DirectStateStore + Send + Sync + 'static,
        C: Clock + Send + Sync + 'static,
        M: RateLimitingMiddleware<C::Instant, NegativeOutcome = NotUntil<C::Instant>>
            + Send
            + Sync
            + 'static,
        M::PositiveOutcome: GovernorState,
    {
        let limiter = limiter.into();
        Self::off().with_governor(Governed::new(move |_, cost| {
            Verdict::of(limiter.check_n(cost), limiter.clock())
        }))
    }

    /// Admits each request that this limiter of the governor crate admits for the request's key; see
    /// [`governor`](Self::governor).
    ///
    /// Calls of a [`RateLimiter`](super::RateLimiter) have the key of an empty request. Governor's maps of keys
    /// grow without a limit: call its `retain_recent` from time to time.
    #[must_use]
    pub fn governor_keyed<K, S, C, M>(
        limiter: impl Into<Arc<governor::RateLimiter<K, S, C, M>>>,
        key: impl Fn(RequestHead<'_>) -> K + Send + Sync + 'static,
    ) -> Self
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        S: KeyedStateStore<K> + Send + Sync + 'static,
        C: Clock + Send + Sync + 'static,
        M: RateLimitingMiddleware<C::Instant, NegativeOutcome = NotUntil<C::Instant>>
            + Send
            + Sync
            + 'static,
        M::PositiveOutcome: GovernorState,
    {
        let limiter = limiter.into();
        Self::off().with_governor(Governed::new(move |head, cost| {
            Verdict::of(limiter.check_key_n(&key(head), cost), limiter.clock())
        }))
    }
}

/// A limiter of governor in a policy.
#[derive(Clone)]
pub(super) struct Governed {
    decide: Arc<Decide>,
    /// Burst size, and the time in which it is replenished, once the limiter has named them.
    quota: Arc<OnceLock<(u64, Duration)>>,
}

type Decide = dyn Fn(RequestHead<'_>, NonZeroU32) -> Verdict + Send + Sync;

/// Decision of a limiter.
enum Verdict {
    Admitted(Option<(Quota, u32)>),
    /// It costs more than this, which is all that there ever is.
    Never(u32),
    Rejected(Quota, Duration),
}

impl Verdict {
    fn of<P: GovernorState, C: Clock>(
        checked: Result<Result<P, NotUntil<C::Instant>>, InsufficientCapacity>,
        clock: &C,
    ) -> Self {
        match checked {
            Ok(Ok(admitted)) => {
                let state = admitted.snapshot();
                Self::Admitted(state.map(|s| (s.quota(), s.remaining_burst_capacity())))
            }
            Ok(Err(until)) => Self::Rejected(until.quota(), until.wait_time_from(clock.now())),
            Err(InsufficientCapacity(capacity)) => Self::Never(capacity),
        }
    }
}

impl Governed {
    fn new(
        decide: impl Fn(RequestHead<'_>, NonZeroU32) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        Self {
            decide: Arc::new(decide),
            quota: Arc::default(),
        }
    }

    /// Returns burst size and window, if the limiter has named them.
    pub(super) fn quota(&self) -> Option<(u64, Duration)> {
        self.quota.get().copied()
    }

    /// Decides about a call.
    ///
    /// # Errors
    ///
    /// Returns what a rejection tells of the limit.
    pub(super) fn decide(
        &self,
        policy: &RateLimitPolicy,
        head: RequestHead<'_>,
        cost: u64,
    ) -> Result<Option<Status>, RateLimited> {
        let limited = |limit: u64, reset, retry_after| RateLimited {
            grpc_status: policy.grpc_status(),
            limit,
            // How much is left for a smaller call, governor does not say.
            remaining: 0,
            reset,
            retry_after,
            status: policy.status(),
        };
        let Some(cost) = u32::try_from(cost).ok().map(NonZeroU32::new) else {
            return Err(limited(u32::MAX.into(), Duration::ZERO, None));
        };
        // A call that costs nothing is always admitted.
        let Some(cost) = cost else {
            return Ok(None);
        };
        match (self.decide)(head, cost) {
            Verdict::Admitted(state) => Ok(state.map(|(quota, remaining)| {
                let (limit, _) = self.learn(quota);
                let used = limit.saturating_sub(remaining.into());
                let interval = quota.replenish_interval();
                let full_in = interval.saturating_mul(u32::try_from(used).unwrap_or(u32::MAX));
                let reset = if remaining == 0 {
                    interval
                } else {
                    Duration::ZERO
                };
                Status {
                    full_in,
                    limit,
                    remaining: remaining.into(),
                    reset,
                }
            })),
            Verdict::Never(capacity) => Err(limited(capacity.into(), Duration::ZERO, None)),
            Verdict::Rejected(quota, wait) => {
                let (limit, _) = self.learn(quota);
                Err(limited(limit, wait, Some(wait)))
            }
        }
    }

    fn learn(&self, quota: Quota) -> (u64, Duration) {
        *self.quota.get_or_init(|| {
            let limit = quota.burst_size().get().into();
            (limit, quota.burst_size_replenished_in())
        })
    }
}

impl Debug for Governed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Governed(..)")
    }
}
