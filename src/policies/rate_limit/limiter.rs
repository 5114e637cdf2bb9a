use std::hash::Hash;
use std::sync::Arc;

use super::queue::wait::WaitUntilReady;
use super::shared::{AdmitDecision, Shared};
use super::state::store::KeyHash;
use super::{RateLimitPermit, RateLimitPolicy, RateLimitStats, Status};
use crate::foundation::events::{Observe, TracingObserver};
use crate::foundation::outcome::Rejection;

/// Limits any kind of call: a database's, an SDK's that owns its client, a job's.
///
/// Clones share one state. Requests' own keys, costs and headers are the
/// [layer](super::RateLimitLayer)'s business; here a call names its key and its cost itself. See the
/// [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    shared: Arc<Shared>,
}

impl RateLimiter {
    /// Creates a limiter that has let nothing in yet.
    #[must_use]
    pub fn new(policy: RateLimitPolicy) -> Self {
        Self::with_observer(policy, Arc::new(TracingObserver))
    }

    /// Creates a limiter that reports to `observe`.
    #[must_use]
    pub fn with_observer(policy: RateLimitPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::from(Arc::new(Shared::new(policy, observe)))
    }

    /// Counts at so many places, so that threads do not meet at one: a place for each that runs at once
    /// is enough. The default is 1, which is exact; 0 means 1. It starts anew, so set it before the
    /// limiter is used.
    ///
    /// Never more is let in than the policy says: the places have parts of the limit that add up to it,
    /// and each is exact. A thread that finds nothing left at its own looks at the others before it turns
    /// a call away. So [`at_most`](RateLimitPolicy::at_most) lets in as many as without this, down to the
    /// smallest limit. What is given up:
    ///
    /// - A call may be turned away though there was room: where it had just looked, or for one that
    ///   another call of a higher cost had put together and then gave back. Without others at the same
    ///   moment this does not happen.
    /// - The tokens of a [bucket](RateLimitPolicy::token_bucket) come back at each place for itself. So up
    ///   to one less than there are places may lie in fractions of a token, and a call be turned away
    ///   that one bucket would have let in: as long as one token takes at its place, which is at most a
    ///   16th of the time in which the bucket gets full, since no place has fewer than 16. While some
    ///   places are full and others are not, the full ones' share of the refill is lost.
    /// - A call that costs more than 1 and is turned away hears when the limit will certainly have so
    ///   much left, not when it has for the first time.
    /// - What [`RateLimitPermit::settle`] would give back stays charged, for it is not remembered where it was
    ///   paid.
    /// - The [status](Self::status), and what headers tell, adds up what it finds, place after place.
    ///
    /// It changes nothing, and everything stays exact, for keys, which are apart already, and under a
    /// policy whose calls wait ([`with_max_queue`](RateLimitPolicy::with_max_queue)) or have costs of
    /// their own ([`with_cost`](RateLimitPolicy::with_cost), [`with_usage`](RateLimitPolicy::with_usage),
    /// [`with_charge`](RateLimitPolicy::with_charge)); for buckets of fewer than 32 tokens, of less than a
    /// token a year for each place, with a discrete refill, or so large that parts would not be exact
    /// (tokens times nanoseconds above 2⁶⁴). A policy that [comes later](Self::reconfigure) is spread, or
    /// not, by the same rules; what was used stays used.
    #[must_use]
    pub fn with_shards(self, shards: u16) -> Self {
        Self::from(Arc::new(self.shared.reset_with(shards)))
    }

    /// Replaces the policy for calls that start from now on.
    ///
    /// What was used stays used: after 5 of 10, 15 of 20 are left. Only another
    /// [key](RateLimitPolicy::with_key) starts anew. Calls that wait keep their order, and go on no later
    /// than before; earlier if the new policy has room.
    pub fn reconfigure(&self, policy: RateLimitPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Lets in a call that costs `cost`, if that is left now.
    ///
    /// # Errors
    ///
    /// Returns why not, and when it will be.
    pub fn admit(&self, cost: u64) -> Result<RateLimitPermit, Rejection> {
        self.admit_key(None, cost)
    }

    /// Lets in a call for `key` that costs `cost`, if that is left for this key now.
    ///
    /// # Errors
    ///
    /// Returns why not, and when it will be.
    pub fn admit_for(
        &self,
        key: &(impl Hash + ?Sized),
        cost: u64,
    ) -> Result<RateLimitPermit, Rejection> {
        self.admit_key(Some(self.shared.hash(key)), cost)
    }

    /// Waits until a call that costs `cost` may go on, in the queue that the policy has for it.
    ///
    /// # Errors
    ///
    /// Returns at once if the queue is full or the wait would be too long: the policy has no queue
    /// unless it is given [one](RateLimitPolicy::with_max_queue).
    pub async fn until_ready(&self, cost: u64) -> Result<RateLimitPermit, Rejection> {
        self.wait(None, cost).await
    }

    /// Waits until a call for `key` that costs `cost` may go on.
    ///
    /// # Errors
    ///
    /// As [`until_ready`](Self::until_ready).
    pub async fn until_ready_for(
        &self,
        key: &(impl Hash + ?Sized),
        cost: u64,
    ) -> Result<RateLimitPermit, Rejection> {
        self.wait(Some(self.shared.hash(key)), cost).await
    }

    /// Runs `work` when a call that costs 1 may go on, as [`until_ready`](Self::until_ready).
    ///
    /// # Errors
    ///
    /// Returns the rejection if `work` was not run.
    pub async fn run<F: Future>(&self, work: impl FnOnce() -> F) -> Result<F::Output, Rejection> {
        self.until_ready(1).await?;
        Ok(work().await)
    }

    /// How much is left, of a limit without keys.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status(&self.shared.snapshot(), None)
    }

    /// How much is left for `key`.
    #[must_use]
    pub fn status_for(&self, key: &(impl Hash + ?Sized)) -> Status {
        let key_hash = Some(self.shared.hash(key));
        self.shared.status(&self.shared.snapshot(), key_hash)
    }

    /// What has happened so far.
    #[must_use]
    pub fn stats(&self) -> RateLimitStats {
        self.shared.stats()
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn admit_key(&self, key_hash: KeyHash, cost: u64) -> Result<RateLimitPermit, Rejection> {
        match self.start(key_hash, cost, false) {
            Start::Decided(decided) => decided,
            Start::Waiting(_) => unreachable!("it was not to wait"),
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

/// How a call starts.
enum Start {
    Decided(Result<RateLimitPermit, Rejection>),
    Waiting(WaitUntilReady),
}

impl From<Arc<Shared>> for RateLimiter {
    fn from(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}
