//! Counts the permits: an atomic word while nobody waits, and behind it a locked queue.
//!
//! Two rules make it exact. The number of those who wait changes under the lock only; and while
//! it is not 0, nothing in the word changes without the lock. So a permit is given back by one
//! compare-and-swap if nobody waits, and is handed to the first in the queue if somebody does.

use std::collections::BTreeMap;
use std::iter;
use std::sync::PoisonError;
use std::task::Waker;

use super::machine::{Bounds, Load, Verdict};
use crate::base::Overflow;
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicU64, Ordering};

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
    waiting: BTreeMap<Place, Option<Waker>>,
    next: u64,
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place(u64);

/// What became of one who asked for a permit.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Entry {
    Entered,
    Queued(Place),
    Refused(Overflow),
}

impl Permits {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds: AtomicU64::new(bounds.word()),
            load: AtomicU64::new(Load::default().word()),
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
            Verdict::Refuse(overflow) => Err(overflow),
        }
    }

    /// Takes a permit, or a place in the queue.
    #[inline]
    pub(super) fn enter(&self) -> Entry {
        match self.arrive(false) {
            Verdict::Enter(_) => Entry::Entered,
            Verdict::Queue(_) => self.queue_up(),
            Verdict::Refuse(overflow) => Entry::Refused(overflow),
        }
    }

    #[cold]
    fn queue_up(&self) -> Entry {
        self.locked(|queue| match self.arrive(true) {
            Verdict::Enter(_) => Entry::Entered,
            Verdict::Queue(_) => Entry::Queued(queue.push()),
            Verdict::Refuse(overflow) => Entry::Refused(overflow),
        })
    }

    /// Says whether the one at `place` has its permit now, and remembers whom to wake otherwise.
    pub(super) fn poll(&self, place: Place, waker: &Waker) -> bool {
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
    pub(super) fn leave_queue(&self, place: Place) -> bool {
        let left = self.locked(|queue| {
            let left = queue.waiting.remove(&place);
            if left.is_some() {
                self.update(|load| Some(load.give_up()));
            }
            left
        });
        left.is_none()
    }

    /// Gives a permit back, or on to the first who waits.
    #[inline]
    pub(super) fn release(&self) {
        let alone = self.update(|load| (load.pending == 0).then(|| load.leave()));
        if !alone {
            self.hand_on();
        }
    }

    /// Gives a permit on to the first who waits.
    #[cold]
    fn hand_on(&self) {
        let woken = self.locked(|queue| {
            self.update(|load| Some(load.leave()));
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

    pub(super) fn load(&self) -> Load {
        Load::of_word(self.load.load(Ordering::Acquire))
    }

    /// Lets the first who waits in, if there is room. The lock is held.
    fn promote(&self, queue: &mut Queue) -> Option<Promoted> {
        let bounds = self.bounds();
        self.update(|load| load.promote(bounds))
            .then(|| Promoted(queue.waiting.pop_first().and_then(|(_, waker)| waker)))
    }

    /// Judges one more and counts it; as one who waits only with the lock held.
    #[inline]
    fn arrive(&self, locked: bool) -> Verdict {
        let bounds = self.bounds();
        let mut verdict = Verdict::Refuse(bounds.full());
        self.update(|load| {
            verdict = load.arrive(bounds);
            match verdict {
                Verdict::Enter(next) => Some(next),
                Verdict::Queue(next) => locked.then_some(next),
                Verdict::Refuse(_) => None,
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
    fn update(&self, mut next: impl FnMut(Load) -> Option<Load>) -> bool {
        self.load
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                next(Load::of_word(word)).map(Load::word)
            })
            .is_ok()
    }

    fn locked<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T {
        // A queue has no half-made states, so a poisoned lock still guards a good one.
        f(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Queue {
    fn push(&mut self) -> Place {
        let place = Place(self.next);
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
