use std::sync::Arc;

use super::host_map::HostMap;
use super::object_ref::ObjectRef;
use crate::foundation::outcome::Origin;
use crate::istio::api::service_entry::ServiceEntry;
use crate::istio::model::export::ExportTo;
use crate::istio::model::names;

/// Service entries by host.
#[derive(Debug, Default)]
pub(in crate::istio::translation) struct ServiceEntryIndex(HostMap<Vec<IndexedEntry>>);

/// A service entry under one of its hosts.
#[derive(Clone, Debug)]
struct IndexedEntry {
    export: ExportTo,
    object: Arc<ObjectRef<ServiceEntry>>,
}

/// Service entries of one namespace for a host.
#[derive(Debug)]
pub(in crate::istio::translation) struct HostEntries<'a> {
    pub(in crate::istio::translation) namespace: &'a str,
    pub(in crate::istio::translation) entries: Vec<&'a ObjectRef<ServiceEntry>>,
}

impl HostEntries<'_> {
    /// Returns the place of the first entry.
    pub(in crate::istio::translation) fn origin(&self) -> Option<Origin> {
        self.entries.first().map(|entry| entry.name_origin())
    }
}

impl ServiceEntryIndex {
    pub(in crate::istio::translation) fn add(
        &mut self,
        object_ref: ObjectRef<ServiceEntry>,
        domain: &str,
    ) {
        let object_ref = Arc::new(object_ref);
        let own = object_ref.namespace();
        for host in &object_ref.hosts {
            let host = names::full(&host.value, own, domain).to_ascii_lowercase();
            let entry = IndexedEntry {
                export: ExportTo::of(&object_ref.export_to, own),
                object: Arc::clone(&object_ref),
            };
            self.0.entry(host).push(entry);
        }
    }

    /// Returns the service entries for a host that are visible in the namespace `from`.
    pub(in crate::istio::translation) fn find(
        &self,
        host: &str,
        from: &str,
    ) -> Option<HostEntries<'_>> {
        let is_shown =
            |entries: &Vec<IndexedEntry>| entries.iter().any(|entry| entry.export.shows(from));
        let found = self.0.most_specific(host, is_shown)?;
        let mut shown = found.iter().filter(|entry| entry.export.shows(from));
        // Entries of the caller's namespace take precedence, as in Istio.
        let own = shown.clone().find(|entry| entry.object.namespace() == from);
        let namespace = own.or_else(|| shown.next())?.object.namespace();
        let entries = found
            .iter()
            .filter(|entry| entry.export.shows(from) && entry.object.namespace() == namespace)
            .map(|entry| &*entry.object);
        Some(HostEntries {
            namespace,
            entries: entries.collect(),
        })
    }

    /// Returns the hosts visible in the namespace `from`, without wildcards.
    pub(in crate::istio::translation) fn hosts(&self, from: &str) -> Vec<&str> {
        let known = self.0.iter().filter(|(host, entries)| {
            !names::is_wildcard(host) && entries.iter().any(|entry| entry.export.shows(from))
        });
        let mut hosts: Vec<_> = known.map(|(host, _)| host).collect();
        hosts.sort_unstable();
        hosts
    }
}
