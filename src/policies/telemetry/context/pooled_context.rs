use std::cell::RefCell;

use crate::policies::telemetry::TraceContext;

/// Optional context in a reused box.
///
/// A context is 96 bytes. In a future and a body it would be moved by each layer around them, and
/// at the start and the end of each poll; its box is one word. A pooled box costs 60 instructions;
/// a new one costs 130, and would break the guarantee that a call without new headers does not
/// allocate.
#[derive(Debug, Default)]
pub(in crate::policies::telemetry) struct PooledContext(Option<Box<Option<TraceContext>>>);

/// Limit on the empty boxes of a thread. Calls in flight have their own boxes, so the pool only
/// serves calls that start after others have ended.
const MOST: usize = 64;

thread_local! {
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    static EMPTY: RefCell<Vec<Box<Option<TraceContext>>>> = const { RefCell::new(Vec::new()) };
}

impl PooledContext {
    pub(in crate::policies::telemetry) const NONE: Self = Self(None);

    pub(in crate::policies::telemetry) fn new(context: TraceContext) -> Self {
        // Fails only while the thread shuts down; the box is then allocated.
        let empty = EMPTY.try_with(|empty| empty.borrow_mut().pop());
        let mut boxed = empty.ok().flatten().unwrap_or_default();
        *boxed = Some(context);
        Self(Some(boxed))
    }

    #[inline]
    pub(in crate::policies::telemetry) fn get(&self) -> Option<&TraceContext> {
        self.0.as_deref()?.as_ref()
    }

    #[inline]
    pub(in crate::policies::telemetry) fn get_mut(&mut self) -> Option<&mut TraceContext> {
        self.0.as_deref_mut()?.as_mut()
    }

    #[inline]
    pub(in crate::policies::telemetry) const fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl Drop for PooledContext {
    #[inline]
    fn drop(&mut self) {
        if let Some(boxed) = self.0.take() {
            recycle(boxed);
        }
    }
}

/// Empties the box, and returns it to the pool if there is room.
fn recycle(mut boxed: Box<Option<TraceContext>>) {
    // Emptied now: its header values may hold the read buffer of a connection.
    *boxed = None;
    let _ = EMPTY.try_with(|empty| {
        let mut empty = empty.borrow_mut();
        if empty.len() < MOST {
            empty.push(boxed);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn an_empty_box_is_used_again_and_holds_on_to_nothing() {
        let forwarded = Arc::new(Vec::new());
        let mut context = TraceContext::begin(true);
        context.forwarded = Some(Arc::clone(&forwarded));
        drop(PooledContext::new(context));
        assert_eq!(Arc::strong_count(&forwarded), 1);
        EMPTY.with_borrow(|empty| assert_eq!(empty.len(), 1));
        let again = PooledContext::new(TraceContext::begin(true));
        EMPTY.with_borrow(|empty| assert!(empty.is_empty()));
        assert!(
            again
                .get()
                .is_some_and(|context| context.forwarded.is_none())
        );
    }

    #[test]
    fn a_thread_keeps_so_many_boxes_and_no_more() {
        let many: Vec<_> = (0..2 * MOST)
            .map(|_| PooledContext::new(TraceContext::begin(true)))
            .collect();
        drop(many);
        EMPTY.with_borrow(|empty| assert_eq!(empty.len(), MOST));
    }
}
