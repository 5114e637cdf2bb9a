use std::cell::RefCell;
use std::ops::Deref;
use std::sync::Arc;

use super::record::RequestRecord;

/// Limit on the unused records of a thread.
const MOST: usize = 64;

thread_local! {
    static UNUSED: RefCell<Vec<Arc<RequestRecord>>> = const { RefCell::new(Vec::new()) };
}

/// Shared reference to the record of a request; the memory is used again when the last one is dropped.
#[derive(Clone, Debug)]
pub(crate) struct RecordRef(Option<Arc<RequestRecord>>);

impl RecordRef {
    pub(crate) fn new(record: RequestRecord) -> Self {
        // Fails only while the thread shuts down.
        let unused = UNUSED.try_with(|unused| unused.borrow_mut().pop());
        if let Ok(Some(mut unused)) = unused
            && let Some(place) = Arc::get_mut(&mut unused)
        {
            *place = record;
            return Self(Some(unused));
        }
        Self(Some(Arc::new(record)))
    }
}

impl Deref for RecordRef {
    type Target = RequestRecord;

    fn deref(&self) -> &RequestRecord {
        self.0.as_ref().expect("taken only by the drop")
    }
}

impl Drop for RecordRef {
    fn drop(&mut self) {
        let Some(mut record) = self.0.take() else {
            return;
        };
        // Two references that go at the same time see each other; then the memory is freed by the second.
        if let Some(last) = Arc::get_mut(&mut record) {
            // Emptied before the borrow: its parent may be the last one, too.
            last.clear();
            let _ = UNUSED.try_with(|unused| {
                let mut unused = unused.borrow_mut();
                if unused.len() < MOST {
                    unused.push(record);
                }
            });
        }
    }
}
