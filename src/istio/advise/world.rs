use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::istio::kinds::destination_rule::DestinationRule;
use crate::istio::kinds::gateway::Gateway;
use crate::istio::kinds::service_entry::ServiceEntry;
use crate::istio::kinds::virtual_service::VirtualService;
use crate::istio::load::Unit;
use crate::istio::names::{self, is_covered_by};
use crate::istio::object::Named;
use crate::istio::spec::Spec;

/// The objects by what they are looked up by.
#[derive(Debug, Default)]
pub(super) struct World<'a> {
    pub(super) units: &'a [Unit],
    pub(super) services: Vec<(usize, &'a VirtualService)>,
    pub(super) entries: Vec<(usize, &'a ServiceEntry)>,
    /// By full host.
    rules: HashMap<String, Vec<&'a DestinationRule>>,
    gateways: HashMap<(&'a str, &'a str), &'a Gateway>,
    /// Virtual services by namespace and name.
    named: HashMap<(&'a str, &'a str), usize>,
    /// Service entries by full host; those with a `*` in a list.
    entry_hosts: HashMap<String, &'a ServiceEntry>,
    entry_wildcards: Vec<(String, &'a ServiceEntry)>,
    /// The services of Kubernetes among the documents, by full host.
    kubernetes: HashSet<String>,
}

impl<'a> World<'a> {
    pub(super) fn of(units: &'a [Unit], foreign: &[Named]) -> Self {
        let mut world = Self {
            units,
            ..Self::default()
        };
        for (index, unit) in units.iter().enumerate() {
            let (namespace, name) = (unit.object.namespace.as_str(), unit.object.name.as_str());
            match &unit.object.spec {
                Some(Spec::VirtualService(service)) => {
                    world.services.push((index, service));
                    world.named.insert((namespace, name), index);
                }
                Some(Spec::DestinationRule(rule)) => {
                    let host = rule.host.as_ref().map_or("", |host| host.value.as_str());
                    let host = full(host, namespace).into_owned();
                    world.rules.entry(host).or_default().push(rule);
                }
                Some(Spec::Gateway(gateway)) => {
                    world.gateways.insert((namespace, name), gateway);
                }
                Some(Spec::ServiceEntry(entry)) => {
                    world.entries.push((index, entry));
                    for host in &entry.hosts {
                        let host = full(&host.value, namespace).into_owned();
                        if host.starts_with('*') {
                            world.entry_wildcards.push((host, entry));
                        } else {
                            world.entry_hosts.insert(host, entry);
                        }
                    }
                }
                _ => {}
            }
        }
        let services = foreign.iter().filter(|named| named.kind == "Service");
        world.kubernetes = services
            .map(|named| full(&named.name, &named.namespace).into_owned())
            .collect();
        world
    }

    pub(super) fn namespace(&self, index: usize) -> &'a str {
        &self.units[index].object.namespace
    }

    pub(super) fn rules(&self, host: &str) -> &[&'a DestinationRule] {
        self.rules.get(host).map_or(&[], Vec::as_slice)
    }

    pub(super) fn gateway(&self, namespace: &str, name: &str) -> Option<&'a Gateway> {
        self.gateways.get(&(namespace, name)).copied()
    }

    pub(super) fn virtual_service(&self, namespace: &str, name: &str) -> Option<usize> {
        self.named.get(&(namespace, name)).copied()
    }

    /// Returns the service entry for a full host.
    pub(super) fn entry(&self, host: &str) -> Option<&'a ServiceEntry> {
        let exact = self.entry_hosts.get(host).copied();
        exact.or_else(|| {
            let covers = |(all, _): &&(String, &ServiceEntry)| is_covered_by(host, all);
            // A wildcard is for whatever of it has an entry.
            self.entry_wildcards
                .iter()
                .find(covers)
                .map(|(_, entry)| *entry)
        })
    }

    /// Says whether a host with a `*` stands for any host of a service entry or of Kubernetes.
    pub(super) fn knows_any(&self, pattern: &str) -> bool {
        let mut hosts = self.entry_hosts.keys().chain(&self.kubernetes);
        hosts.any(|host| is_covered_by(host, pattern))
            || self
                .entry_wildcards
                .iter()
                .any(|(host, _)| is_covered_by(host, pattern))
    }

    /// Says whether the services of Kubernetes are among the documents, or `None` if none is.
    pub(super) fn is_service(&self, host: &str) -> Option<bool> {
        (!self.kubernetes.is_empty()).then(|| self.kubernetes.contains(host))
    }
}

/// Returns the full name of a host: a short one is a service of the namespace.
pub(super) fn full<'a>(host: &'a str, namespace: &str) -> Cow<'a, str> {
    names::full(host, namespace, "cluster.local")
}
