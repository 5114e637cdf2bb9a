//! The permits of a limit: an atomic word while the queue is empty, and a locked queue behind it.
//!
//! Two rules make it exact: the number of pending requests changes under the lock alone; and while
//! it is not 0, nothing in the word changes without the lock. So a permit is released by one
//! compare-and-swap while the queue is empty, and is handed to the first waiter otherwise.

use std::collections::BTreeMap;
use std::iter;
use std::sync::PoisonError;
use std::task::Waker;

use super::machine::{Bounds, Occupancy, Verdict};
use crate::foundation::outcome::Overflow;
use crate::foundation::sync::primitives::Mutex;
use crate::foundation::sync::primitives::atomic::{AtomicU64, Ordering};

/// The permits of one limit.
#[derive(Debug)]
pub(super) struct Permits {
    bounds: AtomicU64,
    load: AtomicU64,
    queue: Mutex<Queue>,
}

/// The waiters, in order of arrival.
#[derive(Debug, Default)]
struct Queue {
    /// A waiter that is not in the map any more has its permit.
    waiting: BTreeMap<QueueEntry, Option<Waker>>,
    next: u64,
}

/// Key of a waiter in the queue.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct QueueEntry(u64);

/// Result of a request for a permit.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Entered {
    Admitted,
    Queued(QueueEntry),
    Rejected(Overflow),
}

impl Permits {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds: AtomicU64::new(bounds.word()),
            load: AtomicU64::new(Occupancy::default().word()),
            queue: Mutex::default(),
        }
    }

    /// Returns the number of permits.
    pub(super) fn limit(&self) -> u32 {
        self.bounds().in_flight()
    }

    /// Acquires a permit if one is free, without waiting.
    pub(super) fn try_enter(&self) -> Result<(), Overflow> {
        match self.arrive(false) {
            Verdict::Enter(_) => Ok(()),
            Verdict::Queue(_) => Err(self.bounds().full()),
            Verdict::Reject(overflow) => Err(overflow),
        }
    }

    /// Acquires a permit or an entry in the queue.
    #[inline]
    pub(super) fn enter(&self) -> Entered {
        match self.arrive(false) {
            Verdict::Enter(_) => Entered::Admitted,
            Verdict::Queue(_) => self.queue_up(),
            Verdict::Reject(overflow) => Entered::Rejected(overflow),
        }
    }

    #[cold]
    fn queue_up(&self) -> Entered {
        // Decided once more: a permit may have been released before the lock was taken.
        self.locked(|queue| match self.arrive(true) {
            Verdict::Enter(_) => Entered::Admitted,
            Verdict::Queue(_) => Entered::Queued(queue.push()),
            Verdict::Reject(overflow) => Entered::Rejected(overflow),
        })
    }

    /// Returns true if the waiter `place` has its permit; otherwise registers `waker` for it.
    pub(super) fn poll(&self, place: QueueEntry, waker: &Waker) -> bool {
        let (granted, replaced) = self.locked(|queue| match queue.waiting.get_mut(&place) {
            None => (true, None),
            Some(Some(known)) if known.will_wake(waker) => (false, None),
            Some(known) => (false, known.replace(waker.clone())),
        });
        // Dropped outside the lock: a waker is foreign code.
        drop(replaced);
        granted
    }

    /// Leaves the queue; returns true if the permit had been granted already, which the caller must
    /// release.
    pub(super) fn leave_queue(&self, place: QueueEntry) -> bool {
        let left = self.locked(|queue| {
            let left = queue.waiting.remove(&place);
            if left.is_some() {
                self.update(|occupancy| Some(occupancy.give_up()));
            }
            left
        });
        left.is_none()
    }

    /// Releases a permit, or hands it to the first waiter.
    #[inline]
    pub(super) fn release(&self) {
        let alone = self.update(|occupancy| (occupancy.pending == 0).then(|| occupancy.leave()));
        if !alone {
            self.hand_on();
        }
    }

    /// Hands a permit to the first waiter.
    #[cold]
    fn hand_on(&self) {
        let woken = self.locked(|queue| {
            self.update(|occupancy| Some(occupancy.leave()));
            self.promote(queue)
        });
        // Outside the lock: a waker is foreign code.
        woken.into_iter().for_each(Promoted::wake);
    }

    /// Replaces the bounds, runs `with` under the same lock, and admits the waiters for which there
    /// is room now.
    pub(super) fn set_bounds(&self, bounds: Bounds, with: impl FnOnce()) {
        let woken: Vec<_> = self.locked(|queue| {
            with();
            // Under the lock: a request that queues either reads these bounds, or is admitted just
            // below.
            self.bounds.store(bounds.word(), Ordering::Release);
            iter::from_fn(|| self.promote(queue)).collect()
        });
        woken.into_iter().for_each(Promoted::wake);
    }

    pub(super) fn load(&self) -> Occupancy {
        Occupancy::of_word(self.load.load(Ordering::Acquire))
    }

    /// Admits the first waiter if there is room. The caller holds the lock.
    fn promote(&self, queue: &mut Queue) -> Option<Promoted> {
        let bounds = self.bounds();
        self.update(|occupancy| occupancy.promote(bounds))
            .then(|| Promoted(queue.waiting.pop_first().and_then(|(_, waker)| waker)))
    }

    /// Decides about a request and counts it; it becomes pending only if `locked`.
    #[inline]
    fn arrive(&self, locked: bool) -> Verdict {
        let bounds = self.bounds();
        let mut verdict = Verdict::Reject(bounds.full());
        self.update(|occupancy| {
            verdict = occupancy.arrive(bounds);
            match verdict {
                Verdict::Enter(next) => Some(next),
                // Pending requests are counted under the lock alone: see the module docs.
                Verdict::Queue(next) => locked.then_some(next),
                Verdict::Reject(_) => None,
            }
        });
        verdict
    }

    #[inline]
    fn bounds(&self) -> Bounds {
        Bounds::of_word(self.bounds.load(Ordering::Acquire))
    }

    /// Replaces the occupancy by the result of `next`; returns false if `next` returned none.
    #[inline]
    fn update(&self, mut next: impl FnMut(Occupancy) -> Option<Occupancy>) -> bool {
        self.load
            // AcqRel: the work under a permit happens before that of the request that gets it next.
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                next(Occupancy::of_word(word)).map(Occupancy::word)
            })
            .is_ok()
    }

    fn locked<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T {
        // A panic cannot leave the queue half changed, so a poisoned lock guards a valid state.
        f(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Queue {
    fn push(&mut self) -> QueueEntry {
        let place = QueueEntry(self.next);
        self.next += 1;
        self.waiting.insert(place, None);
        place
    }
}

/// Waker of an admitted waiter.
#[derive(Debug)]
struct Promoted(Option<Waker>);

impl Promoted {
    /// Wakes the waiter; one that was never polled has no waker and will find its permit.
    fn wake(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
    }
}

#[cfg(all(test, meshless_loom))]
mod loom_tests;
