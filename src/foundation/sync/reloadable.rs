use std::sync::Arc;

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
