use std::collections::HashMap;
use std::sync::Arc;

use super::export::Export;
use super::held::Held;
use super::names::{self, most_specific};
use crate::istio::kinds::service_entry::ServiceEntry;

/// The service entries by host.
#[derive(Debug, Default)]
pub(super) struct Entries {
    exact: HashMap<String, Vec<Entry>>,
    wildcards: Vec<(String, Vec<Entry>)>,
}

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
            if names::is_wildcard(&host) {
                match self.wildcards.iter_mut().find(|(own, _)| *own == host) {
                    Some((_, entries)) => entries.push(entry),
                    None => self.wildcards.push((host, vec![entry])),
                }
            } else {
                self.exact.entry(host).or_default().push(entry);
            }
        }
    }

    pub(super) fn sort(&mut self) {
        self.wildcards
            .sort_by(|(one, _), (two, _)| names::by_specificity(one, two));
        let all = self.exact.values_mut();
        for entries in all.chain(self.wildcards.iter_mut().map(|(_, entries)| entries)) {
            entries.sort_by(|one, two| one.held.created().cmp(&two.held.created()));
        }
    }

    /// Returns what a workload of `from` knows of a host.
    pub(super) fn find(&self, host: &str, from: &str) -> Option<Known<'_>> {
        let shown = |entries: &&Vec<Entry>| entries.iter().any(|entry| entry.export.shows(from));
        let found = most_specific(
            host,
            |host| self.exact.get(host).filter(shown),
            self.wildcards
                .iter()
                .map(|(host, entries)| (host.as_str(), entries))
                .filter(|(_, entries)| shown(entries)),
        )?;
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
        let known = self
            .exact
            .iter()
            .filter(|(_, entries)| entries.iter().any(|entry| entry.export.shows(from)));
        let mut hosts: Vec<_> = known.map(|(host, _)| host.as_str()).collect();
        hosts.sort_unstable();
        hosts
    }
}
