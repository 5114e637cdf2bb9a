use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};

/// A value, such as a policy, that can be replaced while requests run.
///
/// Load it once per decision, so that no decision mixes two versions.
#[derive(Debug)]
pub(crate) struct Reloadable<T>(ArcSwap<T>);

impl<T> Reloadable<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(ArcSwap::from_pointee(value))
    }

    pub(crate) fn store(&self, value: T) {
        self.0.store(Arc::new(value));
    }

    /// Replaces the value by one derived from it; safe against concurrent updates, which repeat
    /// `update`.
    pub(crate) fn try_update<E>(&self, update: impl Fn(&T) -> Result<T, E>) -> Result<(), E> {
        loop {
            let current = self.0.load_full();
            let next = Arc::new(update(&current)?);
            // Unless another update came first: then the value is derived from that one.
            if Arc::ptr_eq(&self.0.compare_and_swap(&current, next), &current) {
                return Ok(());
            }
        }
    }

    /// Returns a copy of the current value.
    pub(crate) fn current(&self) -> T
    where
        T: Clone,
    {
        T::clone(&self.0.load())
    }

    /// Returns the current value; do not hold it across an `.await`.
    pub(crate) fn load(&self) -> Guard<Arc<T>> {
        self.0.load()
    }
}

/// A value that can be replaced while requests run, as [`Reloadable`], and that may be off.
///
/// Loading a value costs 50 instructions, two of them locked; a value that is off costs one.
#[derive(Debug)]
pub(crate) struct Switchable<T> {
    off: AtomicBool,
    /// Lock held while both are replaced, so that they belong together.
    replacing: Mutex<()>,
    value: Reloadable<T>,
}

impl<T> Switchable<T> {
    /// Creates a value that is off if `off` says so of it.
    pub(crate) fn new(value: T, off: impl FnOnce(&T) -> bool) -> Self {
        Self {
            off: AtomicBool::new(off(&value)),
            replacing: Mutex::default(),
            value: Reloadable::new(value),
        }
    }

    /// Returns the current value, also if it is off.
    pub(crate) fn load(&self) -> Guard<Arc<T>> {
        self.value.load()
    }

    /// Returns a copy of the current value, also if it is off.
    pub(crate) fn current(&self) -> T
    where
        T: Clone,
    {
        self.value.current()
    }

    /// Returns the current value; none if it is off. While it is replaced, a value that is off may
    /// be returned as well.
    #[inline]
    pub(crate) fn load_unless_off(&self) -> Option<Guard<Arc<T>>> {
        // Acquire, with the Release of `replace`: after "not off" the value that is on is found.
        if self.off.load(Ordering::Acquire) {
            None
        } else {
            Some(self.value.load())
        }
    }

    /// Returns false if the value is off. While it is replaced, either may be returned.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        !self.off.load(Ordering::Acquire)
    }

    /// Replaces the value by one that `next` derives from it.
    pub(crate) fn replace(&self, next: impl FnOnce(&T) -> T, off: impl FnOnce(&T) -> bool) {
        let replacing = self.replacing.lock();
        let _replacing = replacing.unwrap_or_else(PoisonError::into_inner);
        let next = next(&self.value.load());
        let off = off(&next);
        self.value.store(next);
        self.off.store(off, Ordering::Release);
    }
}

#[cfg(all(test, not(meshless_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_off_is_passed_by_until_it_is_replaced() {
        let is_off = |value: &u32| *value == 0;
        let limit = Switchable::new(0, is_off);
        assert!(limit.load_unless_off().is_none());
        assert_eq!(**limit.load(), 0);
        limit.replace(|before| before + 7, is_off);
        assert_eq!(limit.load_unless_off().map(|limit| **limit), Some(7));
        limit.replace(|_| 0, is_off);
        assert!(limit.load_unless_off().is_none());
    }
}
