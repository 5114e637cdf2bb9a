//! The queue of waiting calls. Their costs are reserved in the store already.

pub(in crate::policies::rate_limit) mod wait;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::state::store::KeyHash;

/// One line of waiters for each key, with one bound for all.
#[derive(Debug, Default)]
pub(super) struct Queue {
    len: AtomicUsize,
    lock: Mutex<Waiters>,
}

/// The lines, none of them empty.
pub(super) type Waiters = HashMap<KeyHash, VecDeque<Arc<QueueEntry>>>;

/// A waiter in a line.
#[derive(Debug)]
pub(super) struct QueueEntry {
    /// Time of admission; it moves forward if an earlier waiter leaves.
    at: AtomicU64,
    cost: u64,
    waker: Mutex<Option<Waker>>,
}

impl Queue {
    /// Returns the number of waiters.
    pub(super) fn len(&self) -> usize {
        // Relaxed: `lock` orders all changes; other readers take the number as a hint or a
        // statistic.
        self.len.load(Ordering::Relaxed)
    }

    /// Locks the lines, so that they do not change while costs are reserved or refunded.
    pub(super) fn lock(&self) -> MutexGuard<'_, Waiters> {
        // A panic cannot leave a line half changed, so a poisoned lock guards a valid state.
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a waiter to a line.
    pub(super) fn join(
        &self,
        lines: &mut Waiters,
        key_hash: KeyHash,
        cost: u64,
        at: u64,
    ) -> Arc<QueueEntry> {
        let place = Arc::new(QueueEntry {
            at: AtomicU64::new(at),
            cost,
            waker: Mutex::default(),
        });
        let line = lines.entry(key_hash).or_default();
        line.push_back(Arc::clone(&place));
        self.len.fetch_add(1, Ordering::Relaxed);
        place
    }

    /// Removes a waiter from its line; returns the waiters behind it.
    pub(super) fn leave(
        &self,
        lines: &mut Waiters,
        key_hash: KeyHash,
        place: &Arc<QueueEntry>,
    ) -> Vec<Arc<QueueEntry>> {
        let Some(line) = lines.get_mut(&key_hash) else {
            return Vec::new();
        };
        let Some(index) = line.iter().position(|other| Arc::ptr_eq(other, place)) else {
            return Vec::new();
        };
        line.remove(index);
        self.len.fetch_sub(1, Ordering::Relaxed);
        let behind = line.iter().skip(index).cloned().collect();
        if line.is_empty() {
            lines.remove(&key_hash);
        }
        behind
    }
}

impl QueueEntry {
    pub(super) fn at(&self) -> u64 {
        self.at.load(Ordering::Acquire)
    }

    pub(super) const fn cost(&self) -> u64 {
        self.cost
    }

    /// Changes the time of admission, and wakes the waiter.
    pub(super) fn move_to(&self, at: u64) {
        // A waiter is woken only if its time has changed.
        if self.at.swap(at, Ordering::AcqRel) != at
            && let Some(waker) = self.waker().take()
        {
            waker.wake();
        }
    }

    /// Registers a waker for changes; called before [`QueueEntry::at`], so that none is missed.
    pub(super) fn watch(&self, waker: &Waker) {
        let mut key_hash = self.waker();
        match &mut *key_hash {
            Some(old) => old.clone_from(waker),
            None => *key_hash = Some(waker.clone()),
        }
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
