use std::collections::HashMap;

use super::object_ref::ObjectRef;
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::model::export::ExportTo;
use crate::istio::model::names;

/// Virtual services, oldest first.
#[derive(Debug, Default)]
pub(in crate::istio::translation) struct VirtualServiceIndex {
    all: Vec<IndexedService>,
    delegates: HashMap<(String, String), usize>,
}

/// A virtual service with full host names.
#[derive(Debug)]
pub(in crate::istio::translation) struct IndexedService {
    pub(in crate::istio::translation) object: ObjectRef<VirtualService>,
    export: ExportTo,
    /// `mesh`, or `namespace/name` of a gateway.
    gateways: Vec<String>,
    pub(in crate::istio::translation) hosts: Vec<String>,
}

impl VirtualServiceIndex {
    pub(in crate::istio::translation) fn add(
        &mut self,
        object_ref: ObjectRef<VirtualService>,
        domain: &str,
    ) {
        let own = object_ref.namespace();
        let hosts = object_ref.hosts.iter();
        let hosts = hosts.map(|host| names::full(&host.value, own, domain).to_ascii_lowercase());
        let mut gateways: Vec<_> = object_ref
            .gateways
            .iter()
            .map(|gateway| full_gateway(&gateway.value, own))
            .collect();
        if gateways.is_empty() {
            gateways.push(MESH.to_owned());
        }
        if object_ref.hosts.is_empty() {
            let key = (own.to_owned(), object_ref.name().to_owned());
            self.delegates.entry(key).or_insert(self.all.len());
        }
        self.all.push(IndexedService {
            export: ExportTo::of(&object_ref.export_to, own),
            gateways,
            hosts: hosts.collect(),
            object: object_ref,
        });
    }

    /// Returns the virtual services bound to a gateway or to `mesh`, in order of precedence.
    pub(in crate::istio::translation) fn of<'a>(
        &'a self,
        gateway: &str,
        namespace: &str,
    ) -> Vec<&'a IndexedService> {
        let mut bound: Vec<_> = self
            .all
            .iter()
            .filter(|service| !service.hosts.is_empty() && service.export.shows(namespace))
            .filter(|service| service.gateways.iter().any(|own| own == gateway))
            .collect();
        // The stable sort keeps the order by age within a rank.
        bound.sort_by_key(|service| service.rank());
        bound
    }

    /// Returns a delegate virtual service, for a root in the namespace `root`.
    pub(in crate::istio::translation) fn delegate(
        &self,
        namespace: &str,
        name: &str,
        root: &str,
    ) -> Option<&IndexedService> {
        let key = (namespace.to_owned(), name.to_owned());
        let service = &self.all[*self.delegates.get(&key)?];
        service.export.shows(root).then_some(service)
    }
}

impl IndexedService {
    /// Rank of visibility: private to its namespace before selected namespaces before all.
    fn rank(&self) -> u8 {
        if self.export.is_public() {
            2
        } else {
            u8::from(!self.export.is_private(self.object.namespace()))
        }
    }
}

/// The gateway name of all sidecars.
pub(in crate::istio::translation) const MESH: &str = "mesh";

/// Returns `namespace/name` of a gateway, as referenced in the namespace `own`.
pub(in crate::istio::translation) fn full_gateway(gateway: &str, own: &str) -> String {
    if gateway == MESH {
        return gateway.to_owned();
    }
    let (namespace, name) = match gateway.split_once('/') {
        Some((".", name)) => (own, name),
        Some(parts) => parts,
        // The deprecated form: `name.namespace.svc.cluster.local`.
        None => match gateway.split_once('.') {
            Some((name, rest)) => (rest.split('.').next().unwrap_or(rest), name),
            None => (own, gateway),
        },
    };
    format!("{namespace}/{name}")
}
