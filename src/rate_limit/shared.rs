//! What all clones of a limiter have in common, and the one way to a decision.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::active::Active;
use super::machine::Denied;
use super::queue::{Place, Queue};
use super::stats::Counters;
use super::store::Slot;
use super::wait::Reservation;
use super::{RateLimitPolicy, RateLimitStats, Status};
use crate::base::clock::{self, Origin};
use crate::base::dice::Dice;
use crate::base::{Deadline, Event, Live, Observe, Percent, RateLimited, Rejection, RequestHead};

#[derive(Debug)]
pub(super) struct Shared {
    active: Live<Active>,
    dice: Dice,
    counters: Counters,
    hasher: RandomState,
    observe: Arc<dyn Observe>,
    /// The policy limits nothing: known without loading it, which costs two atomic operations.
    off: AtomicBool,
    origin: Origin,
    queue: Queue,
    reconfiguring: Mutex<()>,
}

/// What was decided about a call.
#[derive(Debug)]
pub(super) enum Booked {
    /// It goes on; it was counted at this time.
    Admitted(u64),
    Rejected(Rejection),
    /// It goes on and was not counted.
    Uncounted,
    Waiting(Reservation),
}

impl Shared {
    pub(super) fn new(policy: RateLimitPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::of(Active::new(policy, 1), observe)
    }

    /// Starts again with so many places to count at.
    pub(super) fn anew(&self, places: u16) -> Self {
        Self::of(self.active.load().anew(places), Arc::clone(&self.observe))
    }

    fn of(active: Active, observe: Arc<dyn Observe>) -> Self {
        Self {
            off: AtomicBool::new(active.policy.is_off()),
            active: Live::new(active),
            dice: Dice::default(),
            counters: Counters::default(),
            hasher: RandomState::new(),
            observe,
            origin: Origin::at(clock::now()),
            queue: Queue::default(),
            reconfiguring: Mutex::default(),
        }
    }

    pub(super) fn active(&self) -> impl Deref<Target = Arc<Active>> {
        self.active.load()
    }

    /// Replaces the policy; what was used stays used.
    pub(super) fn reconfigure(&self, policy: RateLimitPolicy) {
        // One at a time: each carries on from the one before.
        let _one = self
            .reconfiguring
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let off = policy.is_off();
        let active = self.active.load().replaced(policy, self.now());
        self.active.store(active);
        self.off.store(off, Ordering::Release);
    }

    /// Finds the state that a request counts for.
    pub(super) fn slot_of(&self, policy: &RateLimitPolicy, head: RequestHead<'_>) -> Slot {
        if policy.key().is_global() {
            return None;
        }
        let mut hasher = self.hasher.build_hasher();
        if policy.key().hash(head, &mut hasher) {
            self.counters.miss_address();
        }
        Some(hasher.finish())
    }

    /// Finds the state that a key of the caller's own counts for.
    pub(super) fn hash(&self, key: &(impl Hash + ?Sized)) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Decides about a call that costs `cost`, which waits for its turn if it `may_wait`.
    pub(super) fn book(
        self: &Arc<Self>,
        active: &Active,
        slot: Slot,
        cost: u64,
        may_wait: bool,
    ) -> Booked {
        let instant = clock::now();
        let now = self.origin.nanos(instant);
        let Err(denied) = active.take(slot, cost, now, 0) else {
            return Booked::Admitted(now);
        };
        let enforced = self.happens(active.policy.enforced());
        if may_wait && enforced && active.policy.max_queue() > 0 {
            let patience = patience(&active.policy, instant);
            if let Some(booked) = self.queue_up(active, slot, cost, now, denied, patience) {
                return booked;
            }
        }
        self.deny(active, slot, now, denied, enforced)
    }

    /// Books a place in the queue, if there is one and its turn comes in time.
    fn queue_up(
        self: &Arc<Self>,
        active: &Active,
        slot: Slot,
        cost: u64,
        now: u64,
        denied: Denied,
        patience: u64,
    ) -> Option<Booked> {
        if denied.0.is_none_or(|wait| wait > patience) {
            return None;
        }
        let mut lines = self.queue.lines();
        if self.queue.len() >= active.policy.max_queue() {
            return None;
        }
        let take = |patience| active.take(slot, cost, now, patience);
        // Somebody may have left while nobody held the lines.
        if take(0).is_ok() {
            return Some(Booked::Admitted(now));
        }
        let at = take(patience).ok()?;
        let place = self.queue.join(&mut lines, slot, cost, at);
        Some(Booked::Waiting(Reservation::new(
            Arc::clone(self),
            slot,
            place,
        )))
    }

    fn deny(
        &self,
        active: &Active,
        slot: Slot,
        now: u64,
        denied: Denied,
        enforced: bool,
    ) -> Booked {
        let status = active.status(slot, now);
        let rejection = Rejection::RateLimited(RateLimited {
            grpc_status: active.policy.grpc_status(),
            limit: status.limit,
            remaining: status.remaining,
            reset: status.reset,
            retry_after: denied.0.map(Duration::from_nanos),
            status: active.policy.status(),
        });
        self.counters.deny(enforced);
        if enforced {
            self.observe.event(&Event::Rejected(rejection));
            Booked::Rejected(rejection)
        } else {
            self.observe.event(&Event::WouldReject(rejection));
            Booked::Uncounted
        }
    }

    /// Says that the policy limits nothing.
    #[inline]
    pub(super) fn is_off(&self) -> bool {
        self.off.load(Ordering::Acquire)
    }

    /// Says whether a request is counted at all.
    pub(super) fn counts(&self, policy: &RateLimitPolicy) -> bool {
        !policy.is_off() && self.happens(policy.enabled())
    }

    fn happens(&self, share: Percent) -> bool {
        // Almost every policy has all or nothing, which needs no chance.
        share == Percent::ALL || share.happens(self.dice.roll())
    }

    /// Corrects what a call was charged.
    pub(super) fn settle(&self, slot: Slot, at: u64, charged: u64, actual: u64) {
        if charged == actual {
            return;
        }
        let active = self.active.load();
        let now = self.now();
        if charged < actual {
            active.charge(slot, actual - charged, now);
            return;
        }
        active.give_back(slot, charged - actual, at, now);
        if self.queue.len() > 0 {
            let lines = self.queue.lines();
            let line: Vec<_> = lines.get(&slot).into_iter().flatten().cloned().collect();
            Self::move_up(&active, slot, &line, now);
        }
    }

    /// Takes a place out of the queue; what it had booked is given back unless it was used.
    pub(super) fn leave(&self, slot: Slot, place: &Arc<Place>, used: bool) {
        let mut lines = self.queue.lines();
        let behind = self.queue.leave(&mut lines, slot, place);
        if used {
            return;
        }
        let active = self.active.load();
        let now = self.now();
        active.give_back(slot, place.cost(), place.at(), now);
        Self::move_up(&active, slot, &behind, now);
    }

    /// Lets those in `line` go on as early as can be; the queue is locked.
    fn move_up(active: &Active, slot: Slot, line: &[Arc<Place>], now: u64) {
        let booked: Vec<_> = line
            .iter()
            .map(|place| (place.at(), place.cost()))
            .collect();
        let moved = active.move_up(slot, &booked, now);
        for (place, at) in line.iter().zip(moved) {
            place.move_to(at.min(place.at()));
        }
    }

    pub(super) fn status(&self, active: &Active, slot: Slot) -> Status {
        active.status(slot, self.now())
    }

    pub(super) fn stats(&self) -> RateLimitStats {
        let evicted = self.active.load().evicted();
        self.counters.stats(evicted, self.queue.len())
    }

    /// Returns the instant that is `nanos` after the origin, for a timer.
    pub(super) fn instant(&self, nanos: u64) -> Instant {
        self.origin.instant(nanos)
    }

    pub(super) fn now(&self) -> u64 {
        self.origin.nanos(clock::now())
    }
}

/// How long a call may wait: no longer than its caller does.
fn patience(policy: &RateLimitPolicy, now: Instant) -> u64 {
    let left = Deadline::current().map_or(Duration::MAX, |deadline| deadline.remaining_at(now));
    clock::nanos(left.min(policy.max_wait()))
}
