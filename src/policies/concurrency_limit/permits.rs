//! Counts the permits: an atomic word while nobody waits, and behind it a locked queue.
//!
//! Two rules make it exact. The number of those who wait changes under the lock only; and while
//! it is not 0, nothing in the word changes without the lock. So a permit is given back by one
//! compare-and-swap if nobody waits, and is handed to the first in the queue if somebody does.

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

/// Those who wait, in the order in which they came.
#[derive(Debug, Default)]
struct Queue {
    /// Who is not in here any more has its permit.
    waiting: BTreeMap<QueueEntry, Option<Waker>>,
    next: u64,
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct QueueEntry(u64);

/// What became of one who asked for a permit.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Entered {
    Entered,
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

    /// How many there are.
    pub(super) fn limit(&self) -> u32 {
        self.bounds().in_flight()
    }

    /// Takes a permit if there is one, without waiting.
    pub(super) fn try_enter(&self) -> Result<(), Overflow> {
        match self.arrive(false) {
            Verdict::Enter(_) => Ok(()),
            Verdict::Queue(_) => Err(self.bounds().full()),
            Verdict::Reject(overflow) => Err(overflow),
        }
    }

    /// Takes a permit, or a place in the queue.
    #[inline]
    pub(super) fn enter(&self) -> Entered {
        match self.arrive(false) {
            Verdict::Enter(_) => Entered::Entered,
            Verdict::Queue(_) => self.queue_up(),
            Verdict::Reject(overflow) => Entered::Rejected(overflow),
        }
    }

    #[cold]
    fn queue_up(&self) -> Entered {
        self.locked(|queue| match self.arrive(true) {
            Verdict::Enter(_) => Entered::Entered,
            Verdict::Queue(_) => Entered::Queued(queue.push()),
            Verdict::Reject(overflow) => Entered::Rejected(overflow),
        })
    }

    /// Says whether the one at `place` has its permit now, and remembers whom to wake otherwise.
    pub(super) fn poll(&self, place: QueueEntry, waker: &Waker) -> bool {
        let (granted, replaced) = self.locked(|queue| match queue.waiting.get_mut(&place) {
            None => (true, None),
            Some(Some(known)) if known.will_wake(waker) => (false, None),
            Some(known) => (false, known.replace(waker.clone())),
        });
        // A waker is foreign code: outside the lock.
        drop(replaced);
        granted
    }

    /// Leaves the queue; says whether the permit had come already and now is the caller's to release.
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

    /// Gives a permit back, or on to the first who waits.
    #[inline]
    pub(super) fn release(&self) {
        let alone = self.update(|occupancy| (occupancy.pending == 0).then(|| occupancy.leave()));
        if !alone {
            self.hand_on();
        }
    }

    /// Gives a permit on to the first who waits.
    #[cold]
    fn hand_on(&self) {
        let woken = self.locked(|queue| {
            self.update(|occupancy| Some(occupancy.leave()));
            self.promote(queue)
        });
        woken.into_iter().for_each(Promoted::wake);
    }

    /// Replaces the bounds, and what `with` replaces, and lets in those for whom there is room now.
    pub(super) fn set_bounds(&self, bounds: Bounds, with: impl FnOnce()) {
        let woken: Vec<_> = self.locked(|queue| {
            with();
            // Under the lock: whoever queues sees either these bounds, or is let in just below.
            self.bounds.store(bounds.word(), Ordering::Release);
            iter::from_fn(|| self.promote(queue)).collect()
        });
        woken.into_iter().for_each(Promoted::wake);
    }

    pub(super) fn load(&self) -> Occupancy {
        Occupancy::of_word(self.load.load(Ordering::Acquire))
    }

    /// Lets the first who waits in, if there is room. The lock is held.
    fn promote(&self, queue: &mut Queue) -> Option<Promoted> {
        let bounds = self.bounds();
        self.update(|occupancy| occupancy.promote(bounds))
            .then(|| Promoted(queue.waiting.pop_first().and_then(|(_, waker)| waker)))
    }

    /// Judges one more and counts it; as one who waits only with the lock held.
    #[inline]
    fn arrive(&self, locked: bool) -> Verdict {
        let bounds = self.bounds();
        let mut verdict = Verdict::Reject(bounds.full());
        self.update(|occupancy| {
            verdict = occupancy.arrive(bounds);
            match verdict {
                Verdict::Enter(next) => Some(next),
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

    /// Replaces the load by what `next` makes of it; says whether it made anything.
    #[inline]
    fn update(&self, mut next: impl FnMut(Occupancy) -> Option<Occupancy>) -> bool {
        self.load
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                next(Occupancy::of_word(word)).map(Occupancy::word)
            })
            .is_ok()
    }

    fn locked<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T {
        // A queue has no half-made states, so a poisoned lock still guards a good one.
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

/// One who was let in, and how to tell.
#[derive(Debug)]
struct Promoted(Option<Waker>);

impl Promoted {
    /// Tells; one who was never polled will look for itself.
    fn wake(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
    }
}

#[cfg(all(test, meshless_loom))]
mod loom_tests;
