//! Calls that wait for their turn, and their reservations.

use std::sync::Arc;

use super::{AdmitDecision, Shared};
use crate::policies::rate_limit::machine::token_bucket::Denied;
use crate::policies::rate_limit::queue::QueueEntry;
use crate::policies::rate_limit::queue::wait::QueuedReservation;
use crate::policies::rate_limit::state::policy_snapshot::PolicySnapshot;
use crate::policies::rate_limit::state::store::KeyHash;

impl Shared {
    /// Reserves a place in the queue, if there is room and its time comes early enough.
    pub(super) fn queue_up(
        self: &Arc<Self>,
        active: &PolicySnapshot,
        key_hash: KeyHash,
        cost: u64,
        now: u64,
        denied: Denied,
        max_wait: u64,
    ) -> Option<AdmitDecision> {
        if denied.0.is_none_or(|wait| wait > max_wait) {
            return None;
        }
        let mut lines = self.queue.lock();
        // Checked under the lock, so that the bound is exact.
        if self.queue.len() >= active.policy.max_queue() {
            return None;
        }
        let take = |max_wait| active.take(key_hash, cost, now, max_wait);
        // A waiter may have left while the lines were not locked.
        if take(0).is_ok() {
            return Some(AdmitDecision::Admitted(now));
        }
        let at = take(max_wait).ok()?;
        let place = self.queue.join(&mut lines, key_hash, cost, at);
        Some(AdmitDecision::Waiting(QueuedReservation::new(
            Arc::clone(self),
            key_hash,
            place,
        )))
    }

    /// Takes a place out of the queue; what it had booked is given back unless it was used.
    pub(in crate::policies::rate_limit) fn leave(
        &self,
        key_hash: KeyHash,
        place: &Arc<QueueEntry>,
        used: bool,
    ) {
        let mut lines = self.queue.lock();
        let behind = self.queue.leave(&mut lines, key_hash, place);
        if used {
            return;
        }
        let active = self.snapshot.load();
        let now = self.now();
        active.refund(key_hash, place.cost(), place.at(), now);
        Self::reschedule_waiters(&active, key_hash, &behind, now);
    }

    /// Moves the reservations in `line` as early as possible; the queue is locked.
    pub(super) fn reschedule_waiters(
        active: &PolicySnapshot,
        key_hash: KeyHash,
        line: &[Arc<QueueEntry>],
        now: u64,
    ) {
        let reserved: Vec<_> = line
            .iter()
            .map(|place| (place.at(), place.cost()))
            .collect();
        let moved = active.reschedule_waiters(key_hash, &reserved, now);
        for (place, at) in line.iter().zip(moved) {
            // Never later than promised.
            place.move_to(at.min(place.at()));
        }
    }
}
