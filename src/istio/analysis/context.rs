use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::cluster::{Cluster, Labels, Service, ServicePort};
use crate::istio::api::destination_rule::DestinationRule;
use crate::istio::api::gateway::Gateway;
use crate::istio::api::service_entry::ServiceEntry;
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::diagnostics::suggest::{misspelt, suggest};
use crate::istio::model::foreign::Foreign;
use crate::istio::model::load::parsed_object::ParsedObject;
use crate::istio::model::names;
use crate::istio::model::names::is_covered_by;
use crate::istio::model::spec::Spec;

/// Maximum number of comparisons per load. Comparisons beyond it are skipped, so that the analysis of any set of
/// documents ends.
const MAX_COMPARISONS: usize = 50_000_000;
/// Maximum number of ports per host that are compared.
const MAX_PORTS: usize = 200;

/// The objects by what they are looked up by.
#[derive(Debug, Default)]
pub(super) struct AnalysisContext<'a> {
    pub(super) objects: &'a [ParsedObject],
    pub(super) services: Vec<(usize, &'a VirtualService)>,
    pub(super) entries: Vec<(usize, &'a ServiceEntry)>,
    /// Destination rules by full host.
    rules: HashMap<String, Vec<&'a DestinationRule>>,
    gateways: HashMap<(&'a str, &'a str), &'a Gateway>,
    /// Virtual services by namespace and name.
    named: HashMap<(&'a str, &'a str), usize>,
    /// Service entries by full host; those with a `*` in a list.
    entry_hosts: BTreeMap<String, Vec<&'a ServiceEntry>>,
    entry_wildcards: Vec<(String, &'a ServiceEntry)>,
    pub(super) cluster: Cluster<'a>,
    /// The services of Kubernetes among the documents, by full host, with their places in `cluster`.
    kubernetes: BTreeMap<String, usize>,
    /// The namespaces of those.
    shown: BTreeSet<&'a str>,
    /// Number of comparisons made so far.
    spent: Cell<usize>,
    /// Virtual services that split a host of theirs into subsets, by full host.
    splitters: HashMap<String, usize>,
}

impl<'a> AnalysisContext<'a> {
    pub(super) fn of(units: &'a [ParsedObject], foreign: &'a [Foreign]) -> Self {
        let mut context = Self {
            objects: units,
            ..Self::default()
        };
        for (index, parsed) in units.iter().enumerate() {
            let (namespace, name) = (
                parsed.object.namespace.as_str(),
                parsed.object.name.as_str(),
            );
            match &parsed.object.spec {
                Some(Spec::VirtualService(service)) => {
                    context.services.push((index, service));
                    for host in split_by(service, namespace) {
                        context.splitters.entry(host).or_insert(index);
                    }
                    context.named.insert((namespace, name), index);
                }
                Some(Spec::DestinationRule(rule)) => {
                    let host = rule.host.as_ref().map_or("", |host| host.value.as_str());
                    let host = full(host, namespace).into_owned();
                    context.rules.entry(host).or_default().push(rule);
                }
                Some(Spec::Gateway(gateway)) => {
                    context.gateways.insert((namespace, name), gateway);
                }
                Some(Spec::ServiceEntry(entry)) => {
                    context.entries.push((index, entry));
                    for host in &entry.hosts {
                        let host = full(&host.value, namespace).into_owned();
                        if host.starts_with('*') {
                            context.entry_wildcards.push((host, entry));
                        } else {
                            context.entry_hosts.entry(host).or_default().push(entry);
                        }
                    }
                }
                _ => {}
            }
        }
        context.cluster = Cluster::of(foreign);
        for (place, service) in context.cluster.services.iter().enumerate() {
            let host = full(service.name, service.namespace).into_owned();
            context.kubernetes.insert(host, place);
            context.shown.insert(service.namespace);
        }
        context
    }

    pub(super) fn namespace(&self, index: usize) -> &'a str {
        &self.objects[index].object.namespace
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
        let exact = self.entries_of(host).last().copied();
        exact.or_else(|| {
            let covers = |(all, _): &&(String, &ServiceEntry)| is_covered_by(host, all);
            // A wildcard host matches any service entry below it.
            self.entry_wildcards
                .iter()
                .find(covers)
                .map(|(_, entry)| *entry)
        })
    }

    /// Returns true if a wildcard host covers the host of a service entry or of a Kubernetes
    /// service.
    pub(super) fn knows_any(&self, pattern: &str) -> bool {
        let mut hosts = self.entry_hosts.keys().chain(self.kubernetes.keys());
        hosts.any(|host| is_covered_by(host, pattern))
            || self
                .entry_wildcards
                .iter()
                .any(|(host, _)| is_covered_by(host, pattern))
    }

    /// Returns true if `host` is a Kubernetes service; `None` if the documents contain no services.
    pub(super) fn is_service(&self, host: &str) -> Option<bool> {
        (!self.kubernetes.is_empty()).then(|| self.kubernetes.contains_key(host))
    }

    /// Returns the service entries that name a full host.
    pub(super) fn entries_of(&self, host: &str) -> &[&'a ServiceEntry] {
        self.entry_hosts.get(host).map_or(&[], Vec::as_slice)
    }

    /// Says whether a document describes a host, in whichever form of its name.
    pub(super) fn knows(&self, host: &str) -> bool {
        if host.starts_with('*') {
            return true;
        }
        ["", ".cluster.local", ".svc.cluster.local"]
            .iter()
            .any(|rest| {
                let host = format!("{host}{rest}");
                self.entry(&host).is_some() || self.kubernetes.contains_key(&host)
            })
    }

    /// Takes the cost of some comparisons, and says whether they may be made.
    pub(super) fn spend(&self, comparisons: usize) -> bool {
        let spent = self.spent.get().saturating_add(comparisons.max(1));
        self.spent.set(spent);
        spent <= MAX_COMPARISONS
    }

    /// Returns the host of a document that was probably meant.
    pub(super) fn near(&self, host: &str) -> Option<&str> {
        let hosts = self.entry_hosts.keys().chain(self.kubernetes.keys());
        misspelt(
            host,
            hosts
                .map(String::as_str)
                .filter(|known| self.may_be(host, known)),
        )
    }

    /// Returns the name of several that was probably meant.
    pub(super) fn nearest<'b>(
        &self,
        given: &str,
        names: impl Iterator<Item = &'b str>,
    ) -> Option<&'b str> {
        suggest(given, names.filter(|name| self.may_be(given, name)))
    }

    /// Says whether two names are to be compared letter by letter.
    fn may_be(&self, one: &str, two: &str) -> bool {
        let is_alike = one.len().abs_diff(two.len()) <= 4;
        self.spend(if is_alike {
            one.len() * two.len() / 8
        } else {
            1
        }) && is_alike
    }

    /// Returns the places of the workloads that a selector selects, in a namespace or in all; `None` if no
    /// document shows any.
    pub(super) fn selected(
        &self,
        namespace: Option<&str>,
        selector: &Labels<'_>,
    ) -> Option<Vec<usize>> {
        let workloads = &self.cluster.workloads;
        if workloads.is_empty() || !self.spend(workloads.len()) {
            return None;
        }
        let own = workloads.iter().enumerate();
        let own = own.filter(|(_, own)| namespace.is_none_or(|name| own.namespace == name));
        let own = own.filter(|(_, own)| selector.select(&own.labels));
        Some(own.map(|(place, _)| place).collect())
    }

    /// Returns the service of Kubernetes that has a full host.
    pub(super) fn service(&self, host: &str) -> Option<&Service<'a>> {
        let place = self.kubernetes.get(host)?;
        self.cluster.services.get(*place)
    }

    /// Says whether the services of the namespace of a host are among the documents.
    pub(super) fn shows_services_beside(&self, host: &str) -> bool {
        let namespace = names::namespace(host, "cluster.local");
        namespace.is_some_and(|namespace| self.shown.contains(namespace))
    }

    /// Returns the ports of a host; `None` if no document says them.
    pub(super) fn ports(&self, host: &str) -> Option<Vec<u32>> {
        let of_entries = self.entries_of(host).iter();
        let of_entries = of_entries.flat_map(|entry| entry.ports.0.iter().flatten());
        let of_entries = of_entries.filter_map(|port| Some(port.number?.value));
        let service = self.service(host);
        let of_service = service.iter().flat_map(|service| &service.ports);
        let of_service = of_service.map(|port: &ServicePort<'_>| port.number);
        let ports = of_entries.chain(of_service).take(MAX_PORTS + 1);
        let ports: BTreeSet<_> = ports.collect();
        (1..=MAX_PORTS)
            .contains(&ports.len())
            .then(|| ports.into_iter().collect())
    }

    /// Returns the virtual service that splits a full host into subsets.
    pub(super) fn splitter(&self, host: &str) -> Option<usize> {
        self.splitters.get(host).copied()
    }

    /// Returns the names of the gateways and the virtual services of a namespace.
    pub(super) fn gateways_of(&self, namespace: &str) -> impl Iterator<Item = &'a str> {
        let own = self.gateways.keys().filter(move |(of, _)| *of == namespace);
        own.map(|(_, name)| *name)
    }

    pub(super) fn virtual_services_of(&self, namespace: &str) -> impl Iterator<Item = &'a str> {
        let own = self.named.keys().filter(move |(of, _)| *of == namespace);
        own.map(|(_, name)| *name)
    }
}

/// Returns the hosts of a virtual service that are its destinations too, and of which it draws a subset.
fn split_by(service: &VirtualService, namespace: &str) -> Vec<String> {
    let routes = service.http.0.iter().flatten();
    let to = routes.flat_map(|route| route.route.0.iter().flatten());
    let to = to.filter_map(|route| route.destination.as_ref());
    let to = to.filter(|to| {
        to.subset
            .as_ref()
            .is_some_and(|subset| !subset.value.is_empty())
    });
    let drawn: Vec<_> = to
        .filter_map(|to| Some(full(&to.host.as_ref()?.value, namespace).into_owned()))
        .collect();
    let own = service.hosts.iter().take(1_000);
    let own = own.map(|host| full(&host.value, namespace).into_owned());
    own.filter(|host| drawn.contains(host)).collect()
}

/// Returns the full name of a host: a short name is a service of the namespace.
pub(super) fn full<'a>(host: &'a str, namespace: &str) -> Cow<'a, str> {
    names::full(host, namespace, "cluster.local")
}
