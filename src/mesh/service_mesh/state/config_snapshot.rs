use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::weight_overrides::{WeightOverride, WithWeightOverrides};
use crate::istio::Documents;
use crate::istio::config::{OutboundConfig, WorkloadId};
use crate::mesh::service_mesh::proxy::config_source::ConfigSource;
use crate::policies::traffic_split::WeightsError;

/// One version of a mesh's configuration.
#[derive(Debug)]
pub(in crate::mesh) struct ConfigSnapshot {
    pub(in crate::mesh) documents: Arc<Documents>,
    /// Configuration of the documents alone.
    pub(in crate::mesh) documented: Arc<dyn ConfigSource>,
    pub(in crate::mesh) overrides: Vec<WeightOverride>,
    /// Number of the snapshot, which also grows where the version stays.
    pub(in crate::mesh) revision: u64,
    /// Configuration of the documents with the weights that code has set.
    pub(in crate::mesh) source: Arc<dyn ConfigSource>,
    pub(in crate::mesh) version: u64,
}

impl ConfigSnapshot {
    pub(in crate::mesh) fn new(
        version: u64,
        documents: Arc<Documents>,
        documented: Arc<dyn ConfigSource>,
        overrides: Vec<WeightOverride>,
    ) -> Self {
        // Without overrides no wrapper clones each configuration.
        let configs: Arc<dyn ConfigSource> = if overrides.is_empty() {
            Arc::clone(&documented)
        } else {
            let (inner, overrides) = (Arc::clone(&documented), overrides.clone());
            Arc::new(WithWeightOverrides { inner, overrides })
        };
        Self {
            documents,
            documented,
            overrides,
            revision: 1,
            source: configs,
            version,
        }
    }
}

/// Returns the documented weights of a route: in the default namespace, or in the
/// first one that has the route.
pub(in crate::mesh) fn documented(
    configs: &dyn ConfigSource,
    documents: &Documents,
    default_namespace: &Arc<str>,
    overrides: &WeightOverride,
) -> Result<Vec<u32>, WeightsError> {
    let mut found = Err(WeightsError::NoSuchRoute);
    for mut config in probes(configs, documents, default_namespace) {
        match overrides.apply(&mut config) {
            Some(Ok(documented)) => return Ok(documented),
            // The host exists: its error is more precise than a missing host in another namespace.
            Some(Err(error)) => found = Err(error),
            None => {}
        }
    }
    found
}

/// Returns the existing names in place of an unknown one: the routes of the host, else the hosts.
pub(in crate::mesh) fn known(
    configs: &dyn ConfigSource,
    documents: &Documents,
    default_namespace: &Arc<str>,
    overrides: &WeightOverride,
) -> BTreeSet<Box<str>> {
    let (mut hosts, mut routes) = (BTreeSet::new(), BTreeSet::new());
    for config in probes(configs, documents, default_namespace) {
        for host in &config.hosts {
            let with = host.routes.iter().enumerate();
            let with = with.filter(|(_, config)| !config.route.destinations().is_empty());
            let names = with.map(|(place, config)| match config.route.name() {
                Some(name) => name.into(),
                None => place.to_string().into(),
            });
            if host.names.iter().any(|name| name.matches(&overrides.host)) {
                routes.extend(names.map(|name: Box<str>| Box::from(format!("route {name}"))));
            } else if let Some(first) = host.names.first() {
                hosts.insert(first.to_string().into());
            }
        }
    }
    if routes.is_empty() { hosts } else { routes }
}

/// Returns the configurations of a workload of each namespace, the default one first.
fn probes(
    configs: &dyn ConfigSource,
    documents: &Documents,
    default_namespace: &Arc<str>,
) -> impl Iterator<Item = OutboundConfig> {
    let resources = documents.resources().iter();
    let namespaces: BTreeSet<_> = resources.map(|one| Arc::from(one.namespace())).collect();
    let all = [Arc::clone(default_namespace)]
        .into_iter()
        .chain(namespaces);
    all.map(|namespace| {
        configs.outbound(&WorkloadId {
            name: "".into(),
            namespace,
            labels: BTreeMap::new(),
        })
    })
}
