use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::hosts::Hosts;
use super::key::SeriesKey;
use super::labels::{Identity, labels, overflow_labels};
use super::series::{Labels, Series};
use crate::foundation::events::Completion;
use crate::foundation::outcome::{Source, WorkloadMetadata};
use crate::foundation::time::clock;

/// Number of series that each thread finds without a lock, a power of two.
const MAX_LOCAL: usize = 64;

/// Number of series that are found by address; more than that, and all are found by their labels again.
const MAX_KEYS: usize = 4_096;

/// Kind of the series of a table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::integrations::prometheus) enum SeriesKind {
    Attempts,
    Requests,
}

/// Bounds of a table.
#[derive(Clone, Copy, Debug)]
pub(in crate::integrations::prometheus) struct Bounds {
    pub(in crate::integrations::prometheus) has_exemplars: bool,
    pub(in crate::integrations::prometheus) max_idle: Duration,
    pub(in crate::integrations::prometheus) max_series: usize,
}

/// Series of the requests, or the attempts, of a process.
#[derive(Debug)]
pub(in crate::integrations::prometheus) struct SeriesTable {
    bounds: Bounds,
    hosts: Hosts,
    id: u32,
    identity: Arc<Identity>,
    kind: SeriesKind,
    known: Mutex<Known>,
    /// Number of requests that were counted without their labels, as there was no room for them.
    overflowed: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    by_key: HashMap<SeriesKey, Handle>,
    by_labels: HashMap<Labels, Arc<Series>>,
}

/// Series of a key, with the owners of the addresses in the key.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    _peer: Option<Arc<WorkloadMetadata>>,
    series: Arc<Series>,
    _source: Arc<Source>,
}

type Local = Option<(SeriesKey, Handle)>;

thread_local! {
    static LOCAL: RefCell<[Local; MAX_LOCAL]> = const { RefCell::new([const { None }; MAX_LOCAL]) };
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl SeriesTable {
    pub(in crate::integrations::prometheus) fn new(
        kind: SeriesKind,
        identity: Arc<Identity>,
        bounds: Bounds,
    ) -> Self {
        Self {
            bounds,
            hosts: Hosts::default(),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            identity,
            kind,
            known: Mutex::default(),
            overflowed: AtomicU64::new(0),
        }
    }

    /// Records the end of a request or an attempt.
    pub(in crate::integrations::prometheus) fn record(
        &self,
        source: &Arc<Source>,
        done: &Completion,
    ) {
        let host = match &done.authority {
            Some(authority) if source.name().is_none() => self.hosts.number(authority.as_str()),
            _ => 0,
        };
        let reason = match self.kind {
            SeriesKind::Attempts => Some(super::labels::reason_of(done)),
            SeriesKind::Requests => None,
        };
        let key = SeriesKey::new(self.id, source, done, host, reason);
        let place = key.place(MAX_LOCAL);
        let is_recorded = LOCAL.try_with(|local| {
            let local = local.borrow();
            match &local[place] {
                Some((known, handle)) if *known == key && handle.series.is_exposed() => {
                    self.record_in(&handle.series, done);
                    true
                }
                _ => false,
            }
        });
        if !is_recorded.unwrap_or_default() {
            let handle = self.find(key, source, done, host);
            self.record_in(&handle.series, done);
            let _ = LOCAL.try_with(|local| local.replace_place(place, (key, handle)));
        }
    }

    #[inline]
    fn record_in(&self, series: &Series, done: &Completion) {
        match self.kind {
            SeriesKind::Attempts => series.record_duration(done),
            SeriesKind::Requests => series.record(done),
        }
    }

    #[cold]
    fn find(&self, key: SeriesKey, source: &Arc<Source>, done: &Completion, host: u32) -> Handle {
        let mut known = self.lock();
        if let Some(handle) = known.by_key.get(&key)
            && handle.series.is_exposed()
        {
            return handle.clone();
        }
        let host = self.hosts.name(host);
        let labels: Labels =
            labels(self.kind, &self.identity, source, done, host.as_deref()).into();
        let series = match known.by_labels.get(&labels) {
            Some(series) => Arc::clone(series),
            None => self.create(&mut known, labels, source, done),
        };
        let handle = Handle {
            _peer: done.peer.clone(),
            series,
            _source: Arc::clone(source),
        };
        if known.by_key.len() >= MAX_KEYS {
            known.by_key.clear();
        }
        known.by_key.insert(key, handle.clone());
        handle
    }

    fn create(
        &self,
        known: &mut Known,
        labels: Labels,
        source: &Source,
        done: &Completion,
    ) -> Arc<Series> {
        let has_room = known.by_labels.len() < self.bounds.max_series;
        let labels = if has_room {
            labels
        } else {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            overflow_labels(&labels).into()
        };
        if let Some(series) = known.by_labels.get(&labels) {
            return Arc::clone(series);
        }
        let cluster = source.cluster().filter(|_| has_room).map(Arc::from);
        let code = done.status.map_or(0, |status| status.as_u16());
        let exemplars = self.bounds.has_exemplars;
        let series = Arc::new(Series::new(Arc::clone(&labels), cluster, code, exemplars));
        known.by_labels.insert(labels, Arc::clone(&series));
        series
    }

    /// Returns all series in the order of their labels, without those that had no request for too long.
    pub(in crate::integrations::prometheus) fn scrape(&self) -> Vec<Arc<Series>> {
        let now = clock::now();
        let max_idle = self.bounds.max_idle;
        let mut known = self.lock();
        known.by_labels.retain(|_, series| {
            let is_kept = max_idle.is_zero() || series.is_idle_since(now) <= max_idle;
            if !is_kept {
                series.retire();
            }
            is_kept
        });
        known.by_key.retain(|_, handle| handle.series.is_exposed());
        let mut all: Vec<_> = known.by_labels.values().cloned().collect();
        drop(known);
        all.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        all
    }

    /// Returns the number of label sets for which there was no room.
    pub(in crate::integrations::prometheus) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Each entry stands alone, so a poisoned lock is still usable.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replacement of one place.
trait ReplacePlace {
    fn replace_place(&self, place: usize, new: (SeriesKey, Handle));
}

impl ReplacePlace for RefCell<[Local; MAX_LOCAL]> {
    fn replace_place(&self, place: usize, new: (SeriesKey, Handle)) {
        // Dropped after the borrow: the last owner of a series may go with it.
        let _old = self.borrow_mut()[place].replace(new);
    }
}
