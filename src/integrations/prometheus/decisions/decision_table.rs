use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::decision::{Change, Decision};
use crate::foundation::events::EventKind;
use crate::foundation::outcome::{Direction, Source};
use crate::foundation::time::clock;
use crate::integrations::prometheus::description::{Description, Kind};
use crate::integrations::prometheus::requests::labels::UNKNOWN;
use crate::integrations::prometheus::requests::series::Labels;

/// Number of values that are found by address; more than that, and all are found by their labels again.
const MAX_KEYS: usize = 4_096;

/// Values of all decisions.
#[derive(Debug)]
pub(in crate::integrations::prometheus) struct DecisionTable {
    known: Mutex<Known>,
    max_idle: Duration,
    max_values: usize,
}

#[derive(Debug, Default)]
struct Known {
    by_key: HashMap<Key, (Arc<Source>, Arc<Value>)>,
    by_labels: BTreeMap<(&'static str, Labels), Arc<Value>>,
    overflowed: u64,
}

/// Identity of a value by addresses, so that an event that was there before finds it without its labels.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Key {
    /// Addresses of the labels' values, which are static.
    labels: [usize; 2],
    name: &'static str,
    source: usize,
}

/// Counter or gauge.
#[derive(Debug)]
struct Value {
    description: Description,
    labels: Labels,
    last: Mutex<(i64, Instant)>,
    now: AtomicI64,
}

/// Value of a scrape.
#[derive(Clone, Debug)]
pub(in crate::integrations::prometheus) struct Sample {
    pub(in crate::integrations::prometheus) description: Description,
    pub(in crate::integrations::prometheus) labels: Labels,
    pub(in crate::integrations::prometheus) value: i64,
}

impl DecisionTable {
    pub(in crate::integrations::prometheus) fn new(max_values: usize, max_idle: Duration) -> Self {
        Self {
            known: Mutex::default(),
            max_idle,
            max_values,
        }
    }

    /// Records a decision.
    #[cold]
    pub(in crate::integrations::prometheus) fn record(
        &self,
        source: &Arc<Source>,
        event: &EventKind,
    ) {
        let reason = event.reason().unwrap_or_default();
        // A name that is part of the event is no static text, and has no lasting address.
        let is_static = !matches!(
            event,
            EventKind::NameResolved { .. } | EventKind::NameUnresolved { .. }
        );
        for decision in Decision::of(event, reason).into_iter().flatten() {
            let value = self.value(source, &decision, is_static);
            match decision.change {
                Change::Add(number) => value.now.fetch_add(number, Ordering::Relaxed),
                Change::Set(number) => value.now.swap(number, Ordering::Relaxed),
            };
        }
    }

    fn value(&self, source: &Arc<Source>, decision: &Decision<'_>, is_static: bool) -> Arc<Value> {
        let key = Key {
            labels: decision.labels.map(|(_, value)| value.as_ptr().addr()),
            name: decision.description.name,
            source: Arc::as_ptr(source).addr(),
        };
        let mut known = self.lock();
        if is_static && let Some((_, value)) = known.by_key.get(&key) {
            return Arc::clone(value);
        }
        let value = self.find(&mut known, source, decision);
        if is_static {
            if known.by_key.len() >= MAX_KEYS {
                known.by_key.clear();
            }
            let kept = (Arc::clone(source), Arc::clone(&value));
            known.by_key.insert(key, kept);
        }
        value
    }

    fn find(&self, known: &mut Known, source: &Source, decision: &Decision<'_>) -> Arc<Value> {
        let description = decision.description;
        let mut labels: Labels = labels(source, decision).into();
        if !known
            .by_labels
            .contains_key(&(description.name, Arc::clone(&labels)))
            && known.by_labels.len() >= self.max_values
        {
            known.overflowed += 1;
            let all = labels.iter();
            labels = all.map(|(name, _)| (*name, UNKNOWN.into())).collect();
        }
        let key = (description.name, Arc::clone(&labels));
        let value = known.by_labels.entry(key).or_insert_with(|| {
            Arc::new(Value {
                description,
                labels,
                last: Mutex::new((0, clock::now())),
                now: AtomicI64::new(0),
            })
        });
        Arc::clone(value)
    }

    /// Returns all values in the order of their names and labels, without counters that have not changed for too long.
    pub(in crate::integrations::prometheus) fn scrape(&self) -> Vec<Sample> {
        let now = clock::now();
        let mut known = self.lock();
        if !self.max_idle.is_zero() {
            let count = known.by_labels.len();
            known
                .by_labels
                .retain(|_, value| value.idle(now) <= self.max_idle);
            if known.by_labels.len() < count {
                // Rare, and each is found by its labels again.
                known.by_key.clear();
            }
        }
        let values = known.by_labels.values();
        let samples = values.map(|value| Sample {
            description: value.description,
            labels: Arc::clone(&value.labels),
            value: value.now.load(Ordering::Relaxed),
        });
        samples.collect()
    }

    /// Returns the number of values for whose labels there was no room.
    pub(in crate::integrations::prometheus) fn overflowed(&self) -> u64 {
        self.lock().overflowed
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }
}

impl Value {
    /// Returns the time since the value was seen to change. A gauge that is not 0 says something that still holds.
    fn idle(&self, now: Instant) -> Duration {
        let value = self.now.load(Ordering::Relaxed);
        let mut last = lock(&self.last);
        if last.0 != value || (self.description.kind == Kind::Gauge && value != 0) {
            *last = (value, now);
        }
        now.saturating_duration_since(last.1)
    }
}

/// Returns the labels: the source, and what the decision adds.
fn labels(source: &Source, decision: &Decision<'_>) -> Vec<(&'static str, Arc<str>)> {
    let host = source.host().filter(|_| !decision.is_of_any_host);
    let of_source = [
        ("workload", source.workload()),
        ("namespace", source.namespace()),
        ("direction", source.direction().map(Direction::label)),
        ("cluster_name", source.cluster()),
        ("host", host),
        ("route", source.route()),
        ("layer", source.name()),
    ];
    let of_source = of_source.map(|(name, value)| (name, value.unwrap_or_default()));
    let all = of_source.into_iter().chain(decision.labels);
    all.filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name, Arc::from(value)))
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each entry stands alone, so a poisoned lock is still usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
