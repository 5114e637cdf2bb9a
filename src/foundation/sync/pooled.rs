use std::cell::RefCell;
use std::fmt::{self, Debug, Formatter};
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

/// Limit on the empty boxes of a thread. Values in use have their own boxes, so a pool only serves those that are made
/// after others have gone.
const MOST: usize = 64;

/// Box that is used again by the next value of its thread, so that a request with observers allocates nothing.
pub(crate) struct Pooled<T: Pool>(Option<Box<Option<T>>>);

/// Empty boxes of a thread.
pub(crate) type EmptyBoxes<T> = RefCell<Vec<Box<Option<T>>>>;

/// Type with a pool of boxes for each thread.
pub(crate) trait Pool: Sized + 'static {
    /// Returns the pool.
    fn boxes() -> &'static LocalKey<EmptyBoxes<Self>>;
}

impl<T: Pool> Pooled<T> {
    pub(crate) fn new(value: T) -> Self {
        // Fails only while the thread shuts down; the box is then allocated.
        let empty = T::boxes().try_with(|boxes| boxes.borrow_mut().pop());
        let mut boxed = empty.ok().flatten().unwrap_or_default();
        *boxed = Some(value);
        Self(Some(boxed))
    }
}

const FULL: &str = "a box is emptied only as it is dropped";

impl<T: Pool> Deref for Pooled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().and_then(Option::as_ref).expect(FULL)
    }
}

impl<T: Pool> DerefMut for Pooled<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_deref_mut().and_then(Option::as_mut).expect(FULL)
    }
}

impl<T: Pool> Drop for Pooled<T> {
    fn drop(&mut self) {
        let Some(mut boxed) = self.0.take() else {
            return;
        };
        // Emptied before the pool is borrowed: the drop of a value may drop another one.
        *boxed = None;
        let _ = T::boxes().try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < MOST {
                pool.push(boxed);
            }
        });
    }
}

impl<T: Pool + Debug> Debug for Pooled<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

/// Defines the pool of a type.
macro_rules! pool {
    ($type:ty) => {
        impl $crate::foundation::sync::pooled::Pool for $type {
            fn boxes()
            -> &'static std::thread::LocalKey<$crate::foundation::sync::pooled::EmptyBoxes<Self>>
            {
                thread_local! {
                    static BOXES: $crate::foundation::sync::pooled::EmptyBoxes<$type> =
                        const { std::cell::RefCell::new(Vec::new()) };
                }
                &BOXES
            }
        }
    };
}

pub(crate) use pool;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    struct Held(#[expect(dead_code, reason = "held for its count")] Arc<()>);
    pool!(Held);

    fn held(shared: &Arc<()>) -> Pooled<Held> {
        Pooled::new(Held(Arc::clone(shared)))
    }

    #[test]
    fn a_box_is_used_again_and_holds_on_to_nothing() {
        let shared = Arc::new(());
        let first = held(&shared);
        let address = std::ptr::from_ref::<Held>(&first).addr();
        drop(first);
        assert_eq!(Arc::strong_count(&shared), 1);
        let second = held(&shared);
        assert_eq!(std::ptr::from_ref::<Held>(&second).addr(), address);
        assert_eq!(Arc::strong_count(&shared), 2);
    }

    #[test]
    fn a_thread_keeps_a_limited_number_of_boxes() {
        let shared = Arc::new(());
        let held = (0..2 * MOST).map(|_| held(&shared));
        drop(held.collect::<Vec<_>>());
        Held::boxes().with_borrow(|boxes| assert_eq!(boxes.len(), MOST));
    }
}
