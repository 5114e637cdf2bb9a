use std::hash::Hash;
use std::sync::Arc;

#[cfg(feature = "governor")]
use super::governed::Governed;
use super::queue::wait::WaitUntilReady;
use super::shared::{AdmitDecision, Shared};
use super::state::store::KeyHash;
use super::{RateLimitPermit, RateLimitPolicy, RateLimitStats, Status};
use crate::foundation::events::{Emitter, Observe, named};
#[cfg(feature = "governor")]
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;

/// Rate limit for any kind of call: of a database, an SDK that owns its client, or a job.
///
/// Clones share one state. The keys, costs and headers of HTTP requests belong to the
/// [layer](super::RateLimitLayer); here the caller passes key and cost. See the [module
/// docs](super) for an example.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    shared: Arc<Shared>,
}

impl RateLimiter {
    /// Creates a limiter with nothing used.
    #[must_use]
    pub fn new(policy: RateLimitPolicy) -> Self {
        Self::with_emitter(policy, Emitter::default())
    }

    /// Creates a limiter that reports its events to `observe`.
    #[must_use]
    pub fn with_observer(policy: RateLimitPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::with_emitter(policy, Emitter::new(observe))
    }

    pub(super) fn with_emitter(policy: RateLimitPolicy, emitter: Emitter) -> Self {
        Self::from(Arc::new(Shared::new(policy, emitter)))
    }

    named!(self => self.shared.emitter().clone());

    /// Counts in this many shards, so that threads do not contend for one; one for each thread that
    /// runs in parallel is enough. The default is 1, which is exact; 0 means 1. All counts are
    /// reset, so set it before the limiter is used.
    ///
    /// The limit is never exceeded: each shard has a part of it, the parts add up to it, and each
    /// is exact. A thread whose own shard is exhausted tries the others before it rejects a call.
    /// So [`at_most`](RateLimitPolicy::at_most) admits as many calls as without shards, down to the
    /// smallest limit. The costs:
    ///
    /// - A call may be rejected although something was left: in a shard that it had just found
    ///   exhausted, or in shards that a concurrent call of a higher cost used for a moment and
    ///   refunded. Without concurrent calls this does not happen.
    /// - The tokens of a [bucket](RateLimitPolicy::token_bucket) are refilled in each shard
    ///   separately. Up to one token less than there are shards may exist in fractions, and a call
    ///   be rejected that one bucket would have admitted: for the time that one token takes in its
    ///   shard, at most a 16th of the time to fill the bucket, since no shard has fewer than 16
    ///   tokens. While some shards are full and others are not, the refill of the full ones is
    ///   lost.
    /// - The rejection of a call that costs more than 1 carries the time at which the limit will
    ///   certainly have so much left, which may be later than the earliest one.
    /// - [`RateLimitPermit::settle`] refunds nothing, since the shard that was charged is not
    ///   remembered.
    /// - The [status](Self::status) and the headers add up the shards one after the other.
    ///
    /// It has no effect, and everything stays exact, for keys, which are separate already, and
    /// under a policy whose calls wait ([`with_max_queue`](RateLimitPolicy::with_max_queue)) or
    /// have individual costs ([`with_cost`](RateLimitPolicy::with_cost),
    /// [`with_usage`](RateLimitPolicy::with_usage), [`with_charge`](RateLimitPolicy::with_charge));
    /// likewise for buckets of fewer than 32 tokens, of less than a token a year for each shard,
    /// with a discrete refill, or so large that parts would not be exact (tokens times nanoseconds
    /// above 2⁶⁴). A policy [set later](Self::reconfigure) is sharded by the same rules; what was
    /// used stays used.
    #[must_use]
    pub fn with_shards(self, shards: u16) -> Self {
        Self::from(Arc::new(self.shared.reset_with(shards)))
    }

    /// Replaces the policy for calls that start from now on.
    ///
    /// What was used stays used: after 5 of 10, 15 of 20 are left. Only another
    /// [key](RateLimitPolicy::with_key) starts with nothing used. Queued calls keep their order and
    /// are admitted no later than before, or earlier if the new policy has room.
    pub fn reconfigure(&self, policy: RateLimitPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> RateLimitPolicy {
        self.shared.snapshot().policy.clone()
    }

    /// Admits a call of cost `cost`, if that much is left now.
    ///
    /// # Errors
    ///
    /// A [`Rejection::RateLimited`] with the reason and the time until the call can be admitted.
    pub fn admit(&self, cost: u64) -> Result<RateLimitPermit, Rejection> {
        self.admit_key(None, cost)
    }

    /// Admits a call for `key` of cost `cost`, if that much is left for this key now.
    ///
    /// # Errors
    ///
    /// A [`Rejection::RateLimited`] with the reason and the time until the call can be admitted.
    pub fn admit_for(
        &self,
        key: &(impl Hash + ?Sized),
        cost: u64,
    ) -> Result<RateLimitPermit, Rejection> {
        self.admit_key(Some(self.shared.hash(key)), cost)
    }

    /// Waits in the policy's queue until a call of cost `cost` is admitted.
    ///
    /// # Errors
    ///
    /// Returns at once if the queue is full or the wait would be too long. By default there is no
    /// queue; see [`with_max_queue`](RateLimitPolicy::with_max_queue).
    pub async fn until_ready(&self, cost: u64) -> Result<RateLimitPermit, Rejection> {
        self.wait(None, cost).await
    }

    /// Waits in the policy's queue until a call for `key` of cost `cost` is admitted.
    ///
    /// # Errors
    ///
    /// The same as those of [`until_ready`](Self::until_ready).
    pub async fn until_ready_for(
        &self,
        key: &(impl Hash + ?Sized),
        cost: u64,
    ) -> Result<RateLimitPermit, Rejection> {
        self.wait(Some(self.shared.hash(key)), cost).await
    }

    /// Runs `work` when a call of cost 1 is admitted, waiting as [`until_ready`](Self::until_ready)
    /// does.
    ///
    /// # Errors
    ///
    /// Returns the rejection if `work` was not run.
    pub async fn run<F: Future>(&self, work: impl FnOnce() -> F) -> Result<F::Output, Rejection> {
        self.until_ready(1).await?;
        Ok(work().await)
    }

    /// Returns the status of a limit without keys.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status(&self.shared.snapshot(), None)
    }

    /// Returns the status of the limit for `key`.
    #[must_use]
    pub fn status_for(&self, key: &(impl Hash + ?Sized)) -> Status {
        let key_hash = Some(self.shared.hash(key));
        self.shared.status(&self.shared.snapshot(), key_hash)
    }

    /// Returns the counters since the limiter was created.
    #[must_use]
    pub fn stats(&self) -> RateLimitStats {
        self.shared.stats()
    }

    /// Returns the number of keys that have used a part of their limit at present; 0 for a limit without keys.
    ///
    /// It looks at each remembered key, at a small part of them under one lock.
    #[must_use]
    pub fn keys_in_use(&self) -> usize {
        self.shared.snapshot().keys_in_use(self.shared.now())
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn admit_key(&self, key_hash: KeyHash, cost: u64) -> Result<RateLimitPermit, Rejection> {
        match self.start(key_hash, cost, false) {
            Start::Decided(decided) => decided,
            Start::Waiting(_) => unreachable!("the call does not queue"),
        }
    }

    async fn wait(&self, key_hash: KeyHash, cost: u64) -> Result<RateLimitPermit, Rejection> {
        match self.start(key_hash, cost, true) {
            Start::Decided(decided) => decided,
            Start::Waiting(turn) => Ok(turn.await),
        }
    }

    fn start(&self, key_hash: KeyHash, cost: u64, may_wait: bool) -> Start {
        let active = self.shared.snapshot();
        if !self.shared.counts(&active.policy) {
            return Start::Decided(Ok(RateLimitPermit::uncounted()));
        }
        #[cfg(feature = "governor")]
        if let Some(governor) = active.policy.governed() {
            return Start::Decided(self.ask(&active.policy, governor, cost));
        }
        Start::Decided(
            match self.shared.reserve(&active, key_hash, cost, may_wait) {
                AdmitDecision::Admitted(at) => Ok(RateLimitPermit::new(
                    Arc::clone(&self.shared),
                    key_hash,
                    at,
                    cost,
                )),
                AdmitDecision::Rejected(rejection) => Err(rejection),
                AdmitDecision::Uncounted => Ok(RateLimitPermit::uncounted()),
                AdmitDecision::Waiting(reservation) => {
                    return Start::Waiting(WaitUntilReady::new(reservation));
                }
            },
        )
    }
}

#[cfg(feature = "governor")]
impl RateLimiter {
    /// Lets a limiter of governor decide.
    fn ask(
        &self,
        policy: &RateLimitPolicy,
        governor: &Governed,
        cost: u64,
    ) -> Result<RateLimitPermit, Rejection> {
        let request = http::Request::new(());
        match governor.decide(policy, RequestHead::of(&request), cost) {
            Ok(_) => {
                let shared = Arc::clone(&self.shared);
                Ok(RateLimitPermit::new(shared, None, 0, cost))
            }
            Err(limited) => match self.shared.refuse_governed(policy, limited) {
                AdmitDecision::Rejected(rejection) => Err(rejection),
                _ => Ok(RateLimitPermit::uncounted()),
            },
        }
    }
}

/// Start of a call: decided, or queued.
enum Start {
    Decided(Result<RateLimitPermit, Rejection>),
    Waiting(WaitUntilReady),
}

impl From<Arc<Shared>> for RateLimiter {
    fn from(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}
