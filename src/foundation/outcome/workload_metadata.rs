use std::sync::Arc;

/// Names of a workload, by which metrics and graphs know it: Istio's metadata of a pod.
///
/// A part that is unknown is empty.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct WorkloadMetadata {
    /// Name of the application.
    pub app: Arc<str>,
    /// Revision of the canonical service.
    pub canonical_revision: Arc<str>,
    /// Name of the canonical service: that of all versions of a workload together.
    pub canonical_service: Arc<str>,
    /// Name of the cluster, in Istio's sense of a Kubernetes cluster.
    pub cluster: Arc<str>,
    /// Namespace of the workload.
    pub namespace: Arc<str>,
    /// Full name of its service.
    pub service: Arc<str>,
    /// Version of the application.
    pub version: Arc<str>,
    /// Name of the workload.
    pub workload: Arc<str>,
}

impl WorkloadMetadata {
    /// Creates the metadata of a workload from the labels of its pod, by Istio's rules: the application is named by
    /// `app`, `app.kubernetes.io/name` or `service.istio.io/canonical-name`, its version by `version`,
    /// `app.kubernetes.io/version` or `service.istio.io/canonical-revision`; the canonical service and its revision by
    /// the same labels in the opposite order, or else by the name of the workload and `latest`.
    #[must_use]
    pub fn new<'a>(
        workload: impl Into<Arc<str>>,
        namespace: impl Into<Arc<str>>,
        label: impl Fn(&str) -> Option<&'a str>,
    ) -> Self {
        let workload = workload.into();
        let first = |names: [&str; 3]| names.into_iter().find_map(&label).map(Arc::from);
        Self {
            app: first(["app", NAME, CANONICAL_NAME]).unwrap_or_default(),
            canonical_revision: first([CANONICAL_REVISION, VERSION, "version"])
                .unwrap_or_else(|| LATEST.into()),
            canonical_service: first([CANONICAL_NAME, NAME, "app"])
                .unwrap_or_else(|| Arc::clone(&workload)),
            cluster: Arc::default(),
            namespace: namespace.into(),
            service: Arc::default(),
            version: first(["version", VERSION, CANONICAL_REVISION]).unwrap_or_default(),
            workload,
        }
    }

    /// Sets the name of the Kubernetes cluster.
    #[must_use]
    pub fn with_cluster(mut self, cluster: impl Into<Arc<str>>) -> Self {
        self.cluster = cluster.into();
        self
    }

    /// Sets the full name of its service.
    #[must_use]
    pub fn with_service(mut self, service: impl Into<Arc<str>>) -> Self {
        self.service = service.into();
        self
    }
}

const CANONICAL_NAME: &str = "service.istio.io/canonical-name";
const CANONICAL_REVISION: &str = "service.istio.io/canonical-revision";
const LATEST: &str = "latest";
const NAME: &str = "app.kubernetes.io/name";
const VERSION: &str = "app.kubernetes.io/version";

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(labels: &'static [(&str, &str)]) -> WorkloadMetadata {
        WorkloadMetadata::new("users-7d9", "users", |name| {
            let found = labels.iter().find(|(label, _)| *label == name);
            found.map(|(_, value)| *value)
        })
    }

    #[test]
    fn the_canonical_labels_name_the_service_and_the_plain_ones_the_application() {
        let all = metadata(&[
            ("app", "users"),
            ("version", "v1"),
            (CANONICAL_NAME, "people"),
            (CANONICAL_REVISION, "r1"),
        ]);
        let names = [&all.app, &all.version, &all.canonical_service];
        assert_eq!(names.map(|name| &**name), ["users", "v1", "people"]);
        assert_eq!(&*all.canonical_revision, "r1");
    }

    #[test]
    fn without_labels_the_workload_names_its_canonical_service() {
        let none = metadata(&[]);
        assert_eq!(&*none.canonical_service, "users-7d9");
        assert_eq!(&*none.canonical_revision, "latest");
        assert_eq!([&*none.app, &*none.version], ["", ""]);
    }
}
