use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::histogram::Histogram;
use crate::foundation::events::Completion;
use crate::foundation::time::clock;

/// Names and values of the labels of a series, in their order.
pub(in crate::integrations::prometheus) type Labels = Arc<[(&'static str, Arc<str>)]>;

/// Metrics of the requests, or the attempts, that have the same labels.
#[derive(Debug)]
pub(in crate::integrations::prometheus) struct Series {
    /// Envoy's name of the cluster, for its own statistics.
    pub(in crate::integrations::prometheus) cluster: Option<Arc<str>>,
    pub(in crate::integrations::prometheus) code: u16,
    pub(in crate::integrations::prometheus) duration: Histogram,
    exemplar: Mutex<Option<Exemplar>>,
    /// False once the series is no longer exposed.
    is_exposed: AtomicBool,
    pub(in crate::integrations::prometheus) labels: Labels,
    pub(in crate::integrations::prometheus) request_bytes: Histogram,
    pub(in crate::integrations::prometheus) response_bytes: Histogram,
    response_messages: AtomicU64,
    use_: Mutex<LastUse>,
    /// True until a request of a sampled trace has become the exemplar.
    wants_exemplar: AtomicBool,
}

/// A request that stands for all of its series.
#[derive(Clone, Copy, Debug)]
pub(in crate::integrations::prometheus) struct Exemplar {
    pub(in crate::integrations::prometheus) at: SystemTime,
    pub(in crate::integrations::prometheus) trace_id: u128,
}

/// Number of requests at the last scrape that saw a new one.
#[derive(Clone, Copy, Debug)]
struct LastUse {
    at: Instant,
    count: u64,
}

impl Series {
    pub(super) fn new(
        labels: Labels,
        cluster: Option<Arc<str>>,
        code: u16,
        has_exemplars: bool,
    ) -> Self {
        Self {
            cluster,
            code,
            duration: Histogram::default(),
            exemplar: Mutex::default(),
            is_exposed: AtomicBool::new(true),
            labels,
            request_bytes: Histogram::default(),
            response_bytes: Histogram::default(),
            response_messages: AtomicU64::new(0),
            use_: Mutex::new(LastUse {
                at: clock::now(),
                count: 0,
            }),
            wants_exemplar: AtomicBool::new(has_exemplars),
        }
    }

    #[inline]
    pub(super) fn is_exposed(&self) -> bool {
        self.is_exposed.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn record(&self, done: &Completion) {
        let millis = u64::try_from(done.duration.as_millis()).unwrap_or(u64::MAX);
        self.duration.record(millis);
        self.request_bytes.record(done.request_bytes);
        self.response_bytes.record(done.response_bytes);
        if done.response_messages > 0 {
            let more = done.response_messages;
            self.response_messages.fetch_add(more, Ordering::Relaxed);
        }
        if let Some(trace_id) = done.trace_id
            && self.wants_exemplar.load(Ordering::Relaxed)
        {
            self.keep_exemplar(trace_id);
        }
    }

    /// Records the duration alone, of an attempt.
    #[inline]
    pub(super) fn record_duration(&self, done: &Completion) {
        let millis = u64::try_from(done.duration.as_millis()).unwrap_or(u64::MAX);
        self.duration.record(millis);
    }

    #[cold]
    fn keep_exemplar(&self, trace_id: u128) {
        let exemplar = Exemplar {
            at: clock::system_time(),
            trace_id,
        };
        *lock(&self.exemplar) = Some(exemplar);
        self.wants_exemplar.store(false, Ordering::Relaxed);
    }

    /// Returns the number of gRPC messages in the responses.
    pub(in crate::integrations::prometheus) fn messages(&self) -> u64 {
        self.response_messages.load(Ordering::Relaxed)
    }

    /// Returns the exemplar, and takes a new one from the next request of a sampled trace.
    pub(in crate::integrations::prometheus) fn exemplar(&self) -> Option<Exemplar> {
        let exemplar = *lock(&self.exemplar);
        if exemplar.is_some() {
            self.wants_exemplar.store(true, Ordering::Relaxed);
        }
        exemplar
    }

    /// Says that the series was scraped, and returns the time since its last request was seen.
    pub(super) fn is_idle_since(&self, now: Instant) -> std::time::Duration {
        let count = self.duration.count();
        let mut last = lock(&self.use_);
        if last.count != count {
            *last = LastUse { at: now, count };
        }
        now.saturating_duration_since(last.at)
    }

    /// Ends the series: later requests with its labels begin another one.
    pub(super) fn retire(&self) {
        self.is_exposed.store(false, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each value is written as a whole, so a poisoned lock is still usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
