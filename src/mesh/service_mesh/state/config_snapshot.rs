use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::weight_overrides::{Applied, WeightOverride, WithWeightOverrides};
use crate::istio::Documents;
use crate::istio::config::{ConfigScope, OutboundConfig, WorkloadId};
use crate::mesh::service_mesh::proxy::config::config_source::ConfigSource;
use crate::mesh::service_mesh::proxy::config::indexed_outbound::IndexedOutbound;
use crate::mesh::service_mesh::proxy::config::proxy_config::ProxyConfig;
use crate::mesh::service_mesh::proxy::role::Role;
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
    /// Outbound configurations in use, by what they depend on.
    shared: Mutex<HashMap<ConfigScope, Weak<IndexedOutbound>>>,
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
            shared: Mutex::default(),
        }
    }

    /// Returns the configuration of a proxy.
    pub(in crate::mesh) fn proxy_config(&self, role: Role, workload: &WorkloadId) -> ProxyConfig {
        let (outbound, inbound, servers) = match role {
            Role::Gateway => {
                let config = self.source.gateway(&workload.name, &workload.namespace);
                let config = config.unwrap_or_default();
                let outbound = Arc::new(IndexedOutbound::new(config.outbound));
                (outbound, config.inbound, config.servers)
            }
            Role::Workload => (
                self.outbound(workload),
                self.source.inbound(workload),
                Vec::new(),
            ),
        };
        let source = Arc::clone(&self.source);
        ProxyConfig::new(self.version, source, outbound, inbound, servers)
            .with_revision(self.revision)
    }

    /// Returns the outbound configuration of a workload: one for all that see the same hosts.
    fn outbound(&self, workload: &WorkloadId) -> Arc<IndexedOutbound> {
        let build = || Arc::new(IndexedOutbound::new(self.source.outbound(workload)));
        let Some(scope) = self.source.scope(workload) else {
            return build();
        };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared.get(&scope).and_then(Weak::upgrade) {
            return known;
        }
        shared.retain(|_, known| known.strong_count() > 0);
        let made = build();
        shared.insert(scope, Arc::downgrade(&made));
        made
    }
}

/// Returns the documented weights of a route: in the default namespace, or in the
/// first one that has the route.
pub(in crate::mesh) fn documented(
    configs: &dyn ConfigSource,
    documents: &Documents,
    default_namespace: &Arc<str>,
    overrides: &WeightOverride,
) -> Result<Applied, WeightsError> {
    let mut found = Err(WeightsError::NoSuchRoute);
    for mut config in probes(configs, documents, default_namespace) {
        match overrides.apply(&mut config) {
            Some(Ok(applied)) => return Ok(applied),
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
pub(in crate::mesh) fn probes(
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
