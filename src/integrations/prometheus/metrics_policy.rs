use std::sync::Arc;
use std::time::Duration;

use crate::foundation::outcome::WorkloadMetadata;

/// Settings of [`Metrics`](super::Metrics).
#[derive(Clone, Debug)]
pub struct MetricsPolicy {
    pub(super) cluster: Arc<str>,
    pub(super) domain: Arc<str>,
    pub(super) exemplars: bool,
    pub(super) labels: Vec<(String, String)>,
    pub(super) max_idle: Duration,
    pub(super) max_series: usize,
    pub(super) workload: (Arc<str>, Arc<str>),
}

impl MetricsPolicy {
    /// Sets the workload and its namespace for stacks that belong to no mesh; those of a mesh know theirs. The default
    /// is none: the labels of the own side are then empty, and Kiali shows no such series.
    #[must_use]
    pub fn with_workload(
        mut self,
        name: impl Into<Arc<str>>,
        namespace: impl Into<Arc<str>>,
    ) -> Self {
        self.workload = (name.into(), namespace.into());
        self
    }

    /// Sets the labels of its pod, such as `app` and `version`. The default is none.
    #[must_use]
    pub fn with_labels<K, V>(mut self, labels: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        let labels = labels.into_iter();
        self.labels
            .extend(labels.map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Sets the name of the Kubernetes cluster, for the workloads of a mesh too. The default is Istio's, `Kubernetes`.
    #[must_use]
    pub fn with_cluster(mut self, cluster: impl Into<Arc<str>>) -> Self {
        self.cluster = cluster.into();
        self
    }

    /// Sets the domain in which the full names of services end. The default is `cluster.local`.
    #[must_use]
    pub fn with_cluster_domain(mut self, domain: impl Into<Arc<str>>) -> Self {
        self.domain = domain.into();
        self
    }

    /// Shows for each series the trace of one request as an exemplar, if `true`: the first of a sampled trace since the
    /// last scrape, in `OpenMetrics` alone. The default is `true`.
    #[must_use]
    pub const fn with_exemplars(mut self, exemplars: bool) -> Self {
        self.exemplars = exemplars;
        self
    }

    /// Sets the time after which a series without requests is no longer exposed; a scrape ends it. With 0 none ends.
    /// The default is 1 hour.
    #[must_use]
    pub const fn with_max_idle(mut self, max_idle: Duration) -> Self {
        self.max_idle = max_idle;
        self
    }

    /// Sets the number of series of requests, of attempts and of decisions each. What comes after that is counted in
    /// one series whose labels are `unknown`, and `meshless_metrics_overflow_total` says so. The default is 10,000.
    #[must_use]
    pub const fn with_max_series(mut self, max_series: usize) -> Self {
        self.max_series = max_series;
        self
    }

    /// Returns the metadata of the workload; all empty if there is none.
    pub(super) fn own(&self) -> WorkloadMetadata {
        let (name, namespace) = &self.workload;
        if name.is_empty() {
            return WorkloadMetadata::default();
        }
        let label = |name: &str| {
            let found = self.labels.iter().rfind(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        WorkloadMetadata::new(Arc::clone(name), Arc::clone(namespace), label)
            .with_cluster(Arc::clone(&self.cluster))
            .with_service(format!("{name}.{namespace}.svc.{}", self.domain))
    }
}

impl Default for MetricsPolicy {
    fn default() -> Self {
        Self {
            cluster: "Kubernetes".into(),
            domain: "cluster.local".into(),
            exemplars: true,
            labels: Vec::new(),
            max_idle: Duration::from_secs(3_600),
            max_series: 10_000,
            workload: Default::default(),
        }
    }
}
