use std::collections::{BTreeMap, HashMap};

use super::index::object_ref::ObjectRef;
use super::index::selector::selects;
use crate::foundation::tls::MtlsMode;
use crate::istio::api::security::{MutualTls, MutualTlsMode, PeerAuthentication};
use crate::istio::config::PeerAuthenticationConfig;

/// `PeerAuthentication`s by namespace, the oldest first.
#[derive(Debug)]
pub(in crate::istio::translation) struct PeerAuthenticationIndex {
    by_namespace: HashMap<String, Vec<ObjectRef<PeerAuthentication>>>,
    root_namespace: String,
}

impl PeerAuthenticationIndex {
    pub(in crate::istio::translation) fn new(root_namespace: &str) -> Self {
        Self {
            by_namespace: HashMap::new(),
            root_namespace: root_namespace.to_owned(),
        }
    }

    pub(in crate::istio::translation) fn add(&mut self, object_ref: ObjectRef<PeerAuthentication>) {
        let namespace = object_ref.namespace().to_owned();
        self.by_namespace
            .entry(namespace)
            .or_default()
            .push(object_ref);
    }

    /// Returns the modes of a workload, merged as Istio does (`ComposePeerAuthentication`): the mesh's, then the
    /// namespace's, then the workload's, in each the oldest, where an unset mode inherits. Ports are the workload
    /// policy's alone, and a selector in the root namespace has no effect.
    pub(in crate::istio::translation) fn config(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> PeerAuthenticationConfig {
        let of_all = |namespace: &str| {
            let mut all = self.of(namespace);
            all.find(|peer| !has_selector(peer))
        };
        let is_root = namespace == self.root_namespace;
        let of_mesh = of_all(&self.root_namespace);
        let of_namespace = of_all(namespace).filter(|_| !is_root);
        let of_workload = self.of(namespace).find(|peer| {
            let selector = peer.selector.as_ref();
            !is_root
                && has_selector(peer)
                && selector.is_some_and(|selector| selects(&selector.match_labels, labels))
        });
        let levels = [of_mesh, of_namespace, of_workload];
        let mut modes = levels
            .into_iter()
            .flatten()
            .filter_map(|peer| mode(peer.mtls.as_ref()));
        let inherited = modes.next_back().unwrap_or_default();
        let ports = of_workload.and_then(|peer| peer.port_level_mtls.as_ref());
        let ports = ports.into_iter().flat_map(|ports| ports.ports.iter());
        let ports = ports.filter_map(|(port, own)| {
            let port = port.value.parse().ok()?;
            Some((port, mode(own.as_ref()).unwrap_or(inherited)))
        });
        PeerAuthenticationConfig {
            mode: inherited,
            ports: ports.collect(),
        }
    }

    fn of(&self, namespace: &str) -> impl Iterator<Item = &PeerAuthentication> {
        let all = self.by_namespace.get(namespace);
        all.into_iter().flatten().map(|peer| &**peer)
    }
}

fn has_selector(peer: &PeerAuthentication) -> bool {
    let selector = peer.selector.as_ref();
    selector.is_some_and(|selector| !selector.match_labels.is_empty())
}

/// Returns the written mode; none if it is unset, and another level decides.
fn mode(written: Option<&MutualTls>) -> Option<MtlsMode> {
    match written?.mode?.value {
        MutualTlsMode::Disable => Some(MtlsMode::Disable),
        MutualTlsMode::Permissive => Some(MtlsMode::Permissive),
        MutualTlsMode::Strict => Some(MtlsMode::Strict),
        MutualTlsMode::Unset => None,
    }
}
