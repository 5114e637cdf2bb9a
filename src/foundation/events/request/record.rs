//! Record of an observed request or attempt, in which layers inside note what only they know.
//!
//! It exists only while a span, a span processor or an observer wants it. It is a thread-local, set by
//! the scope of a trace layer for each call, poll and drop.

use std::cell::Cell;
use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record_ref::RecordRef;
use crate::foundation::endpoints::Endpoint;
use crate::foundation::outcome::{ResponseFlags, Source, WorkloadMetadata};

thread_local! {
    static CURRENT: Cell<Option<RecordRef>> = const { Cell::new(None) };
    /// True if there is a record. Without a destructor it is read in three instructions, which each request pays.
    static IS_SET: Cell<bool> = const { Cell::new(false) };
}

/// Facts about a request or an attempt that layers inside have noted.
pub(crate) struct RequestRecord {
    /// Number of attempts so far, for a request with all of them.
    attempts: AtomicU32,
    notes: Mutex<Notes>,
    kind: RecordKind,
    /// Request of an attempt, or request to a gateway that this one forwards.
    parent: Option<RecordRef>,
    /// Number of the retry, for an attempt.
    retry: u32,
}

/// Facts that layers inside have noted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) endpoint: Option<Endpoint>,
    /// Flags that the response does not show.
    pub(crate) flags: ResponseFlags,
    /// Workload at the other end.
    pub(crate) peer: Option<Arc<WorkloadMetadata>>,
    /// Length of the request's body, if it is known without its headers.
    pub(crate) request_body: Option<u64>,
    pub(crate) source: Option<Arc<Source>>,
}

/// Kind of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RecordKind {
    Attempt,
    /// A request to a gateway, which sends it on.
    Forwarded,
    /// A call with all its attempts.
    Request,
    /// A served request. Calls of its handler are requests of their own.
    Served,
}

impl RequestRecord {
    /// Creates the record of a request or an attempt that starts inside the current one.
    pub(crate) fn new(kind: RecordKind) -> Self {
        let parent = Self::current().filter(|parent| {
            matches!(
                (kind, parent.kind),
                (
                    RecordKind::Attempt,
                    RecordKind::Request | RecordKind::Forwarded
                ) | (RecordKind::Request, RecordKind::Forwarded)
            )
        });
        let mut record = Self {
            attempts: AtomicU32::new(0),
            notes: Mutex::default(),
            kind,
            parent,
            retry: 0,
        };
        if kind == RecordKind::Attempt {
            // Relaxed: the attempts of a request follow one another.
            let counts = record
                .parents()
                .map(|parent| parent.attempts.fetch_add(1, Ordering::Relaxed));
            record.retry = counts.min().unwrap_or_default();
        }
        record
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self.notes.get_mut().unwrap_or_else(PoisonError::into_inner) = Notes::default();
        self.parent = None;
    }

    /// Returns the request of an attempt, and the request that it forwards.
    fn parents(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(self.parent.as_deref(), |one| one.parent.as_deref())
    }

    /// Notes the source of the route or the destination for the request that runs here.
    #[cfg(feature = "istio")]
    #[inline]
    pub(crate) fn note_source(source: impl FnOnce() -> Arc<Source>) {
        with_current(|record| {
            if let RecordKind::Request | RecordKind::Forwarded = record.kind {
                let source = source();
                for record in std::iter::once(&**record).chain(record.parents()) {
                    record.lock().source = Some(Arc::clone(&source));
                }
            }
        });
    }

    /// Notes the endpoint of the attempt that runs here, and of its request.
    #[inline]
    pub(crate) fn note_endpoint(endpoint: &Endpoint) {
        with_current(|record| {
            if record.kind == RecordKind::Served {
                return;
            }
            for record in std::iter::once(&**record).chain(record.parents()) {
                record.lock().endpoint = Some(endpoint.clone());
            }
        });
    }

    /// Notes flags of the request that runs here, which its response does not show.
    #[cold]
    pub(crate) fn note_flags(flags: ResponseFlags) {
        with_current(|record| {
            if record.kind == RecordKind::Served {
                return;
            }
            for record in std::iter::once(&**record).chain(record.parents()) {
                let mut notes = record.lock();
                notes.flags = notes.flags | flags;
            }
        });
    }

    /// Notes the length of the body of the request that runs here, if it is known.
    #[cfg(feature = "istio")]
    #[inline]
    pub(crate) fn note_request_body(length: impl FnOnce() -> Option<u64>) {
        with_current(|record| {
            if let RecordKind::Request | RecordKind::Forwarded = record.kind {
                let length = length();
                for record in std::iter::once(&**record).chain(record.parents()) {
                    record.lock().request_body = length;
                }
            }
        });
    }

    /// Sets the workload at the other end of an attempt and of its request, or of a served request.
    #[cfg(feature = "istio")]
    pub(crate) fn set_peer(&self, peer: &Arc<WorkloadMetadata>) {
        for record in std::iter::once(self).chain(self.parents()) {
            record.lock().peer = Some(Arc::clone(peer));
        }
    }

    /// Returns true for a served request, whose handler may make calls of its own.
    pub(crate) fn is_served(&self) -> bool {
        self.kind == RecordKind::Served
    }

    /// Returns the facts that were noted.
    pub(crate) fn notes(&self) -> Notes {
        self.lock().clone()
    }

    /// Returns the endpoint, if one was chosen.
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        self.lock().endpoint.clone()
    }

    /// Returns the source of the route or the destination, if it was found.
    pub(crate) fn source(&self) -> Option<Arc<Source>> {
        self.lock().source.clone()
    }

    /// Returns the number of this retry, or of all retries so far.
    pub(crate) fn retries(&self) -> u32 {
        match self.kind {
            RecordKind::Attempt => self.retry,
            RecordKind::Forwarded | RecordKind::Request | RecordKind::Served => {
                self.attempts.load(Ordering::Relaxed).saturating_sub(1)
            }
        }
    }

    /// Exchanges a record with that of the running code: the first call enters `place`, the second leaves it.
    pub(crate) fn swap(place: &mut Option<RecordRef>) {
        // Fails only while the thread's storage is destroyed, when no request runs.
        let _ = CURRENT.try_with(|current| {
            IS_SET.set(place.is_some());
            *place = current.replace(place.take());
        });
    }

    fn current() -> Option<RecordRef> {
        let mut found = None;
        with_current(|record| found = Some(record.clone()));
        found
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        // Each note stands alone, so a poisoned lock is still usable.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debug for RequestRecord {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestRecord")
            .field("kind", &self.kind)
            .field("retries", &self.retries())
            .finish_non_exhaustive()
    }
}

#[inline]
fn with_current(f: impl FnOnce(&RecordRef)) {
    if IS_SET.get() {
        with_record(f);
    }
}

#[cold]
#[inline(never)]
fn with_record(f: impl FnOnce(&RecordRef)) {
    let _ = CURRENT.try_with(|current| {
        // Taken out, as a `Cell` lends no reference; nothing in `f` reads the cell.
        if let Some(record) = current.take() {
            f(&record);
            current.set(Some(record));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_by_their_request_and_give_it_their_endpoint() {
        let endpoint = Endpoint::try_from("10.0.0.1:80").unwrap();
        let request = RecordRef::new(RequestRecord::new(RecordKind::Request));
        let mut entered = Some(request.clone());
        RequestRecord::swap(&mut entered);
        for number in 0..3 {
            let attempt = RecordRef::new(RequestRecord::new(RecordKind::Attempt));
            assert_eq!(attempt.retries(), number);
            let mut inside = Some(attempt.clone());
            RequestRecord::swap(&mut inside);
            RequestRecord::note_endpoint(&endpoint);
            RequestRecord::swap(&mut inside);
            assert_eq!(attempt.endpoint().as_ref(), Some(&endpoint));
        }
        assert_eq!(request.retries(), 2);
        assert_eq!(request.endpoint(), Some(endpoint));
        RequestRecord::swap(&mut entered);
        assert!(RequestRecord::current().is_none());
    }

    #[test]
    fn a_call_of_a_handler_is_no_attempt_of_the_request_that_is_served() {
        let served = RecordRef::new(RequestRecord::new(RecordKind::Served));
        let mut inside = Some(served.clone());
        RequestRecord::swap(&mut inside);
        let attempt = RequestRecord::new(RecordKind::Attempt);
        assert!(attempt.parent.is_none());
        RequestRecord::note_endpoint(&Endpoint::try_from("10.0.0.1:80").unwrap());
        assert_eq!((served.retries(), served.endpoint()), (0, None));
        RequestRecord::swap(&mut inside);
    }
}
