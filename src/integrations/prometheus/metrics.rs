use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

use super::decisions::DecisionTable;
use super::exposition::state::State;
use super::requests::labels::Identity;
use super::requests::series_table::{Bounds, SeriesKind, SeriesTable};
use super::{Format, MetricsObserver, MetricsPolicy};
use crate::foundation::events::Observe;

/// Metrics of requests, attempts and decisions. Clones share them.
///
/// See the [module docs](super) for an example.
#[derive(Clone)]
pub struct Metrics {
    pub(super) shared: Arc<Shared>,
}

/// State that all clones share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) attempts: SeriesTable,
    pub(super) decisions: DecisionTable,
    pub(super) policy: MetricsPolicy,
    pub(super) requests: SeriesTable,
    states: Mutex<Vec<Arc<dyn State>>>,
}

impl Metrics {
    /// Creates empty metrics.
    #[must_use]
    pub fn new(policy: MetricsPolicy) -> Self {
        let identity = Arc::new(Identity {
            domain: Arc::clone(&policy.domain),
            own: Arc::new(policy.own()),
        });
        let bounds = Bounds {
            has_exemplars: policy.exemplars,
            max_idle: policy.max_idle,
            max_series: policy.max_series,
        };
        let table = |kind| SeriesTable::new(kind, Arc::clone(&identity), bounds);
        Self {
            shared: Arc::new(Shared {
                attempts: table(SeriesKind::Attempts),
                decisions: DecisionTable::new(policy.max_series, policy.max_idle),
                requests: table(SeriesKind::Requests),
                states: Mutex::default(),
                policy,
            }),
        }
    }

    /// Returns the observer for a layer or a stack that is made by hand. The names of such stacks are the labels of
    /// their destinations.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observe> {
        Arc::new(MetricsObserver::new(Arc::clone(&self.shared)))
    }

    /// Returns all metrics as text.
    #[must_use]
    pub fn encode(&self, format: Format) -> String {
        let mut registry = Registry::default();
        self.register(&mut registry);
        let mut encoded = String::new();
        let result = match format {
            Format::OpenMetrics => text::encode(&mut encoded, &registry),
            Format::Text => prometheus_text::encode(&mut encoded, &registry),
        };
        // A `String` takes any text: there is no error.
        debug_assert!(result.is_ok(), "{result:?}");
        encoded
    }

    /// Adds these metrics to a registry of prometheus-client 0.26, so that one scrape returns them beside the
    /// application's own.
    ///
    /// The registry must have neither a prefix nor labels: the names are those that dashboards ask for.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(Arc::clone(&self.shared)));
    }

    /// Adds state that is read with each scrape.
    #[cfg(feature = "istio")]
    pub(super) fn add_state(&self, state: Arc<dyn State>) {
        self.shared.lock_states().push(state);
    }
}

impl Shared {
    /// Returns the number of label sets for which there was no room.
    pub(super) fn overflowed(&self) -> u64 {
        let series = self.requests.overflowed() + self.attempts.overflowed();
        series + self.decisions.overflowed()
    }

    pub(super) fn states(&self) -> Vec<Arc<dyn State>> {
        self.lock_states().clone()
    }

    fn lock_states(&self) -> MutexGuard<'_, Vec<Arc<dyn State>>> {
        // Only grows, one entry at a time, so a poisoned lock is still usable.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(MetricsPolicy::default())
    }
}

impl Debug for Metrics {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("policy", &self.shared.policy)
            .finish_non_exhaustive()
    }
}
