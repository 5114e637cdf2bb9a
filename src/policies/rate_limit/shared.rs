//! State shared by all clones of a limiter, and its decisions.

mod waiters;

use std::fmt::{self, Debug, Formatter};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::machine::token_bucket::Denied;
use super::queue::Queue;
use super::queue::wait::QueuedReservation;
use super::state::policy_snapshot::PolicySnapshot;
use super::state::store::KeyHash;
use super::stats::Counters;
use super::{RateLimitPolicy, RateLimitStats, Status};
use crate::foundation::deadline::Deadline;
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::http::{RequestHead, UnixPeer};
use crate::foundation::outcome::{RateLimited, Rejection};
use crate::foundation::sync::rng::Rng;
use crate::foundation::sync::{Percent, Reloadable};
use crate::foundation::time::clock;
use crate::foundation::time::clock::ClockOrigin;

pub(super) struct Shared {
    snapshot: Reloadable<PolicySnapshot>,
    rng: Rng,
    counters: Counters,
    hasher: RandomState,
    emitter: Emitter,
    /// True if the policy limits nothing: checked without loading the policy, which costs two
    /// atomic operations.
    off: AtomicBool,
    origin: ClockOrigin,
    queue: Queue,
    reconfiguring: Mutex<()>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("limit", &self.snapshot.load().policy_header())
            .finish_non_exhaustive()
    }
}

/// Decision about a call.
#[derive(Debug)]
pub(super) enum AdmitDecision {
    /// The call is admitted; it was counted at this time.
    Admitted(u64),
    Rejected(Rejection),
    /// The call is admitted without being counted.
    Uncounted,
    Waiting(QueuedReservation),
}

impl Shared {
    pub(super) fn new(policy: RateLimitPolicy, emitter: Emitter) -> Self {
        Self::of(PolicySnapshot::new(policy, 1), emitter)
    }

    /// Returns a state with nothing used and this many shards.
    pub(super) fn reset_with(&self, places: u16) -> Self {
        Self::of(self.snapshot.load().reset(places), self.emitter.clone())
    }

    fn of(active: PolicySnapshot, emitter: Emitter) -> Self {
        warn_of_settings(&active.policy);
        Self {
            off: AtomicBool::new(active.policy.is_off()),
            snapshot: Reloadable::new(active),
            rng: Rng::default(),
            counters: Counters::default(),
            hasher: RandomState::new(),
            emitter,
            origin: ClockOrigin::at(clock::now()),
            queue: Queue::default(),
            reconfiguring: Mutex::default(),
        }
    }

    pub(super) const fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    pub(super) fn snapshot(&self) -> impl Deref<Target = Arc<PolicySnapshot>> {
        self.snapshot.load()
    }

    /// Replaces the policy; usage and reservations are kept.
    pub(super) fn reconfigure(&self, policy: RateLimitPolicy) {
        // One replacement at a time: each builds on the snapshot before it.
        let _one = self
            .reconfiguring
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        warn_of_settings(&policy);
        let off = policy.is_off();
        // The queue is locked so that waiters neither join nor leave during the migration. Their
        // reservations exceed the limit, where a migration would cut them off, so they are refunded
        // first and made again under the new policy.
        let lines = self.queue.lock();
        let (old, now) = (self.snapshot.load(), self.now());
        let waiting: Vec<_> = lines
            .iter()
            .filter(|(key_hash, _)| !old.is_sharded(**key_hash))
            .flat_map(|(key_hash, line)| line.iter().map(|place| (*key_hash, place)))
            .collect();
        for (key_hash, place) in &waiting {
            old.refund(*key_hash, place.cost(), place.at(), now);
        }
        let active = old.reconfigured(policy, now);
        for (key_hash, place) in waiting {
            place.move_to(active.reschedule(key_hash, place.cost(), place.at(), now));
        }
        self.snapshot.store(active);
        // After the snapshot: a gate that reads "not off" must find the policy that limits.
        self.off.store(off, Ordering::Release);
    }

    /// Returns the hash of a request's key.
    pub(super) fn key_hash(&self, policy: &RateLimitPolicy, head: RequestHead<'_>) -> KeyHash {
        if policy.key().is_global() {
            return None;
        }
        let mut hasher = self.hasher.build_hasher();
        if policy.key().hash(head, &mut hasher) {
            let is_unix = UnixPeer::is_in(head.extensions());
            self.counters.miss_address(is_unix);
        }
        Some(hasher.finish())
    }

    /// Returns the hash of a key that the caller passes.
    pub(super) fn hash(&self, key: &(impl Hash + ?Sized)) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Decides about a call of cost `cost`, which may be queued if `may_wait`.
    #[inline]
    pub(super) fn reserve(
        self: &Arc<Self>,
        active: &PolicySnapshot,
        key_hash: KeyHash,
        cost: u64,
        may_wait: bool,
    ) -> AdmitDecision {
        let instant = clock::now();
        let now = self.origin.nanos(instant);
        match active.take(key_hash, cost, now, 0) {
            Ok(_) => AdmitDecision::Admitted(now),
            Err(denied) => self.stop(active, key_hash, cost, instant, denied, may_wait),
        }
    }

    /// Queues or rejects a call that is over the limit.
    #[cold]
    fn stop(
        self: &Arc<Self>,
        active: &PolicySnapshot,
        key_hash: KeyHash,
        cost: u64,
        instant: Instant,
        denied: Denied,
        may_wait: bool,
    ) -> AdmitDecision {
        let now = self.origin.nanos(instant);
        // Drawn before queuing: a request that is not enforced must not wait either.
        let enforced = self.happens(active.policy.enforced());
        if may_wait && enforced && active.policy.max_queue() > 0 {
            let longest = max_wait(&active.policy, instant);
            if let Some(reserved) = self.queue_up(active, key_hash, cost, now, denied, longest) {
                return reserved;
            }
        }
        self.deny(active, key_hash, now, denied, enforced)
    }

    fn deny(
        &self,
        active: &PolicySnapshot,
        key_hash: KeyHash,
        now: u64,
        denied: Denied,
        enforced: bool,
    ) -> AdmitDecision {
        let status = active.status(key_hash, now);
        let limited = RateLimited {
            grpc_status: active.policy.grpc_status(),
            limit: status.limit,
            remaining: status.remaining,
            reset: status.reset,
            retry_after: denied.0.map(Duration::from_nanos),
            status: active.policy.status(),
        };
        self.refuse(limited, enforced)
    }

    fn refuse(&self, limited: RateLimited, enforced: bool) -> AdmitDecision {
        let rejection = Rejection::RateLimited(limited);
        self.counters.deny(enforced);
        if enforced {
            self.emitter.emit(&EventKind::Rejected(rejection));
            AdmitDecision::Rejected(rejection)
        } else {
            self.emitter.emit(&EventKind::WouldReject(rejection));
            AdmitDecision::Uncounted
        }
    }

    /// Refuses a call that a limiter of governor refused.
    #[cfg(feature = "governor")]
    pub(super) fn refuse_governed(
        &self,
        policy: &RateLimitPolicy,
        limited: RateLimited,
    ) -> AdmitDecision {
        self.refuse(limited, self.happens(policy.enforced()))
    }

    /// True if the policy limits nothing.
    #[inline]
    pub(super) fn is_off(&self) -> bool {
        self.off.load(Ordering::Acquire)
    }

    /// True if a request is counted at all.
    pub(super) fn counts(&self, policy: &RateLimitPolicy) -> bool {
        !policy.is_off() && self.happens(policy.enabled())
    }

    fn happens(&self, share: Percent) -> bool {
        // Nearly every policy uses 100 %, which needs no random number.
        share == Percent::ALL || share.happens(self.rng.next_u64())
    }

    /// Corrects what a call was charged.
    pub(super) fn settle(&self, key_hash: KeyHash, at: u64, charged: u64, actual: u64) {
        if charged == actual {
            return;
        }
        let active = self.snapshot.load();
        if active.policy.is_governed() {
            // Governor takes nothing back.
            return;
        }
        let now = self.now();
        if charged < actual {
            active.charge(key_hash, actual - charged, now);
            return;
        }
        active.refund(key_hash, charged - actual, at, now);
        if self.queue.len() > 0 {
            let lines = self.queue.lock();
            let line: Vec<_> = lines
                .get(&key_hash)
                .into_iter()
                .flatten()
                .cloned()
                .collect();
            Self::reschedule_waiters(&active, key_hash, &line, now);
        }
    }

    pub(super) fn status(&self, active: &PolicySnapshot, key_hash: KeyHash) -> Status {
        active.status(key_hash, self.now())
    }

    pub(super) fn stats(&self) -> RateLimitStats {
        let evicted = self.snapshot.load().evicted();
        self.counters.stats(evicted, self.queue.len())
    }

    /// Returns the instant `nanos` after the origin, for a timer.
    pub(super) fn instant(&self, nanos: u64) -> Instant {
        self.origin.instant(nanos)
    }

    pub(super) fn now(&self) -> u64 {
        self.origin.nanos(clock::now())
    }
}

/// Logs the settings that have no effect beside a limiter of governor.
fn warn_of_settings(policy: &RateLimitPolicy) {
    #[cfg(feature = "governor")]
    for setting in policy.without_effect() {
        tracing::warn!(
            "rate limit by governor: `with_{setting}` has no effect; the limiter of governor has \
             its own state, without a queue and without refunds"
        );
    }
    #[cfg(not(feature = "governor"))]
    let _ = policy;
}

/// Returns the maximum wait of a call: the policy's, or the time to the caller's deadline if that
/// is less.
fn max_wait(policy: &RateLimitPolicy, now: Instant) -> u64 {
    let left = Deadline::current().map_or(Duration::MAX, |deadline| deadline.remaining_at(now));
    clock::nanos(left.min(policy.max_wait()))
}
