use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{SpanData, TraceId};

/// Receiver of ended spans; called outside every lock and from `Drop`, so it must not panic.
///
/// It also receives spans that are not sampled; check
/// [`TraceContext::is_sampled`](super::TraceContext::is_sampled).
pub trait SpanProcessor: Debug + Send + Sync + 'static {
    /// Processes `span`.
    fn on_end(&self, span: &SpanData);
}

/// Memory of the newest spans, for a test or a page of your own. Clones share them.
#[derive(Clone, Debug)]
pub struct InMemorySpans {
    capacity: usize,
    spans: Arc<Mutex<VecDeque<SpanData>>>,
}

impl InMemorySpans {
    /// Creates a memory of `capacity` spans, from which the oldest are dropped first. With 0 it
    /// keeps none.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            spans: Arc::default(),
        }
    }

    /// Returns all spans, in the order in which they ended.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanData> {
        self.lock().iter().cloned().collect()
    }

    /// Returns the spans of one trace, in the order in which they began.
    #[must_use]
    pub fn trace(&self, trace_id: TraceId) -> Vec<SpanData> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace_id() == trace_id);
        spans.sort_by_key(SpanData::started);
        spans
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<SpanData>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanProcessor for InMemorySpans {
    fn on_end(&self, span: &SpanData) {
        let mut spans = self.lock();
        spans.push_back(span.clone());
        while spans.len() > self.capacity {
            spans.pop_front();
        }
    }
}
