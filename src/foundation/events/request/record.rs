//! Record of an observed request or attempt, in which layers inside note what only they know.
//!
//! It exists only while a span, a span processor or an observer wants it. It is a thread-local, set by
//! the scope of a trace layer for each call, poll and drop.

use std::cell::Cell;
use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::foundation::endpoints::Endpoint;
use crate::foundation::outcome::Source;

thread_local! {
    static CURRENT: Cell<Option<Arc<RequestRecord>>> = const { Cell::new(None) };
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
    parent: Option<Arc<Self>>,
    /// Number of the retry, for an attempt.
    retry: u32,
}

#[derive(Clone, Debug, Default)]
struct Notes {
    endpoint: Option<Endpoint>,
    source: Option<Arc<Source>>,
}

/// Kind of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RecordKind {
    Attempt,
    /// A request to a gateway, which sends it on.
    #[cfg_attr(
        not(feature = "istio"),
        expect(dead_code, reason = "only a mesh has gateways")
    )]
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
    pub(crate) fn swap(place: &mut Option<Arc<Self>>) {
        // Fails only while the thread's storage is destroyed, when no request runs.
        let _ = CURRENT.try_with(|current| {
            IS_SET.set(place.is_some());
            *place = current.replace(place.take());
        });
    }

    fn current() -> Option<Arc<Self>> {
        let mut found = None;
        with_current(|record| found = Some(Arc::clone(record)));
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
fn with_current(f: impl FnOnce(&Arc<RequestRecord>)) {
    if IS_SET.get() {
        with_record(f);
    }
}

#[cold]
#[inline(never)]
fn with_record(f: impl FnOnce(&Arc<RequestRecord>)) {
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
        let request = Arc::new(RequestRecord::new(RecordKind::Request));
        let mut entered = Some(Arc::clone(&request));
        RequestRecord::swap(&mut entered);
        for number in 0..3 {
            let attempt = Arc::new(RequestRecord::new(RecordKind::Attempt));
            assert_eq!(attempt.retries(), number);
            let mut inside = Some(Arc::clone(&attempt));
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
        let served = Arc::new(RequestRecord::new(RecordKind::Served));
        let mut inside = Some(Arc::clone(&served));
        RequestRecord::swap(&mut inside);
        let attempt = RequestRecord::new(RecordKind::Attempt);
        assert!(attempt.parent.is_none());
        RequestRecord::note_endpoint(&Endpoint::try_from("10.0.0.1:80").unwrap());
        assert_eq!((served.retries(), served.endpoint()), (0, None));
        RequestRecord::swap(&mut inside);
    }
}
