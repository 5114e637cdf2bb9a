use std::sync::Arc;

use super::held::Held;
use super::host_map::HostMap;
use crate::istio::export::Export;
use crate::istio::kinds::service_entry::ServiceEntry;
use crate::istio::names;

/// The service entries by host.
#[derive(Debug, Default)]
pub(super) struct Entries(HostMap<Vec<Entry>>);

/// One service entry, as often as it has hosts.
#[derive(Clone, Debug)]
struct Entry {
    export: Export,
    held: Arc<Held<ServiceEntry>>,
}

/// What service entries of one namespace say of a host.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) namespace: &'a str,
    pub(super) entries: Vec<&'a Held<ServiceEntry>>,
}

impl Entries {
    pub(super) fn add(&mut self, held: Held<ServiceEntry>, domain: &str) {
        let held = Arc::new(held);
        let own = held.namespace();
        for host in &held.hosts {
            let host = names::full(&host.value, own, domain).to_ascii_lowercase();
            let entry = Entry {
                export: Export::of(&held.export_to, own),
                held: Arc::clone(&held),
            };
            self.0.entry(host).push(entry);
        }
    }

    /// Returns what a workload of `from` knows of a host.
    pub(super) fn find(&self, host: &str, from: &str) -> Option<Known<'_>> {
        let is_shown = |entries: &Vec<Entry>| entries.iter().any(|entry| entry.export.shows(from));
        let found = self.0.most_specific(host, is_shown)?;
        let mut shown = found.iter().filter(|entry| entry.export.shows(from));
        let own = shown.clone().find(|entry| entry.held.namespace() == from);
        let namespace = own.or_else(|| shown.next())?.held.namespace();
        let entries = found
            .iter()
            .filter(|entry| entry.export.shows(from) && entry.held.namespace() == namespace)
            .map(|entry| &*entry.held);
        Some(Known {
            namespace,
            entries: entries.collect(),
        })
    }

    /// Returns the hosts without a `*` that a workload of `from` knows.
    pub(super) fn hosts(&self, from: &str) -> Vec<&str> {
        let known = self.0.iter().filter(|(host, entries)| {
            !names::is_wildcard(host) && entries.iter().any(|entry| entry.export.shows(from))
        });
        let mut hosts: Vec<_> = known.map(|(host, _)| host).collect();
        hosts.sort_unstable();
        hosts
    }
}
