//! State that many threads share, of which each thread holds on to a place of its own.
//!
//! An `Arc` counts all who hold it in one word, which every clone and drop writes: two threads that do
//! so for each request are no faster than one. Here each thread counts at its own place.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;

/// The places of more threads than this are shared among them: each is two cache lines.
const MOST_PLACES: usize = 16;

/// Keeps the places of all threads: for a layer, which is seldom cloned.
#[derive(Debug)]
pub(crate) struct Home<T>(Arc<[Arc<Place<T>>]>);

/// Holds on to the state, for a service: its clones take the place of the thread that makes them.
///
/// What was made by [`Home::anchor`] keeps the places of all threads; its clones do not, for that would
/// be one word again. If nobody keeps them any more, clones share the place that they have.
#[derive(Debug)]
pub(crate) struct Anchor<T> {
    handle: Handle<T>,
    /// Kept, and nothing else.
    _home: Option<Home<T>>,
}

/// Holds on to the state, for a ticket: the size of an `Arc`.
#[derive(Debug)]
pub(crate) struct Handle<T>(Arc<Place<T>>);

/// Where one thread counts those who hold on.
// So the counts, which the `Arc` puts before it, have a cache line to themselves; what follows in the
// next one is only read. Twice the alignment, for processors that fetch lines in pairs, takes twice the
// memory, and two threads get twice as much done as one without it.
#[repr(align(64))]
#[derive(Debug)]
struct Place<T> {
    core: Arc<Core<T>>,
    index: usize,
    /// One less than the number of places, which is a power of two.
    mask: usize,
}

#[derive(Debug)]
struct Core<T> {
    /// Weak, since each place keeps the core; set as soon as they are made.
    places: OnceLock<Box<[Weak<Place<T>>]>>,
    value: T,
}

impl<T> Home<T> {
    pub(crate) fn new(value: T) -> Self {
        let places = OnceLock::new();
        let core = Arc::new(Core { places, value });
        let count = places_for_threads();
        let made: Arc<[_]> = (0..count)
            .map(|index| {
                let (core, mask) = (Arc::clone(&core), count - 1);
                Arc::new(Place { core, index, mask })
            })
            .collect();
        core.places
            .get_or_init(|| made.iter().map(Arc::downgrade).collect());
        Self(made)
    }

    /// Holds on to the state, and keeps the places.
    pub(crate) fn anchor(&self) -> Anchor<T> {
        Anchor {
            handle: self.handle(),
            _home: Some(self.clone()),
        }
    }

    /// Holds on to the state, at this thread's place.
    #[inline]
    pub(crate) fn handle(&self) -> Handle<T> {
        Handle(Arc::clone(&self.0[of_thread() & self.0[0].mask]))
    }
}

impl<T> Handle<T> {
    /// Holds on to the state at the place of another thread, or here if nobody keeps that.
    #[inline(never)]
    fn at(&self, index: usize) -> Self {
        let places = self.0.core.places.get();
        let place = places.and_then(|places| places[index].upgrade());
        Self(place.unwrap_or_else(|| Arc::clone(&self.0)))
    }
}

impl<T> Anchor<T> {
    #[inline]
    pub(crate) fn handle(&self) -> Handle<T> {
        self.handle.clone()
    }
}

/// Returns a number that belongs to this thread; they are given out in turn.
#[inline]
pub(crate) fn of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    match NUMBER.get() {
        usize::MAX => {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            NUMBER.set(number);
            number
        }
        number => number,
    }
}

/// As many as threads can run at once, to the next power of two.
pub(crate) fn places_for_threads() -> usize {
    // Asked once: the answer is read from files.
    static PLACES: OnceLock<usize> = OnceLock::new();
    *PLACES.get_or_init(|| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        threads.next_power_of_two().min(MOST_PLACES)
    })
}

impl<T> Clone for Home<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for Anchor<T> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            _home: None,
        }
    }
}

impl<T> Clone for Handle<T> {
    #[inline]
    fn clone(&self) -> Self {
        let index = of_thread() & self.0.mask;
        if index == self.0.index {
            Self(Arc::clone(&self.0))
        } else {
            self.at(index)
        }
    }
}

impl<T> Deref for Home<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0[0].core.value
    }
}

impl<T> Deref for Anchor<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.handle
    }
}

impl<T> Deref for Handle<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.core.value
    }
}

#[cfg(all(test, not(meshless_loom)))]
mod tests {
    use super::*;

    /// Says that it was dropped.
    #[derive(Debug)]
    struct Noted(Arc<AtomicUsize>);

    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_state_lives_as_long_as_the_last_of_whatever_kind_and_is_dropped_once() {
        type Hold = Box<dyn std::any::Any>;
        let kinds: [fn(&Home<Noted>) -> Hold; 4] = [
            |home| Box::new(home.clone()),
            |home| Box::new(home.anchor()),
            |home| Box::new(home.anchor().clone()),
            |home| Box::new(home.handle().clone()),
        ];
        for kind in kinds {
            let drops = Arc::new(AtomicUsize::new(0));
            let home = Home::new(Noted(Arc::clone(&drops)));
            let last = kind(&home);
            drop(home);
            assert_eq!(drops.load(Ordering::Relaxed), 0);
            drop(last);
            assert_eq!(drops.load(Ordering::Relaxed), 1);
        }
    }

    #[test]
    fn each_thread_takes_its_own_place_while_somebody_keeps_them() {
        let home = Home::new(7);
        let (anchor, here) = (home.anchor(), home.handle());
        drop(home);
        thread::scope(|scope| {
            for _ in 0..2 * places_for_threads() {
                scope.spawn(|| {
                    let clone = anchor.clone().handle();
                    assert_eq!(clone.0.index, of_thread() & (places_for_threads() - 1));
                    assert_eq!(*clone, 7);
                });
            }
        });
        drop(anchor);
        // Nobody keeps the other places now: a clone elsewhere shares the one that is left.
        thread::scope(|scope| {
            for _ in 0..2 * places_for_threads() {
                scope.spawn(|| assert_eq!(here.clone().0.index, here.0.index));
            }
        });
    }
}
