use std::collections::HashMap;

use super::export::Export;
use super::held::Held;
use super::names::{self, most_specific};
use super::selector::selects;
use crate::istio::kinds::destination_rule::{DestinationRule, Selector, Subset, TrafficPolicy};
use crate::istio::plan::Subject;

/// The destination rules by namespace.
#[derive(Debug, Default)]
pub(super) struct Rules(HashMap<String, Hosts>);

/// The rules of one namespace by host.
#[derive(Debug, Default)]
struct Hosts {
    exact: HashMap<String, Vec<Merged>>,
    wildcards: Vec<(String, Vec<Merged>)>,
}

/// Rules of one namespace for one host that are read as one.
#[derive(Debug)]
pub(super) struct Merged {
    export: Export,
    rules: Vec<Held<DestinationRule>>,
}

impl Rules {
    pub(super) fn add(&mut self, held: Held<DestinationRule>, domain: &str) {
        let Some(host) = &held.host else { return };
        let own = held.namespace().to_owned();
        let host = names::full(&host.value, &own, domain).to_ascii_lowercase();
        let export = Export::of(&held.export_to, &own);
        let merged = self.0.entry(own).or_default().of(host);
        let same = merged.iter_mut().find(|merged| {
            merged.export == export && merged.selector() == held.workload_selector.as_ref()
        });
        match same {
            Some(same) => same.rules.push(held),
            None => merged.push(Merged {
                export,
                rules: vec![held],
            }),
        }
    }

    pub(super) fn sort(&mut self) {
        for hosts in self.0.values_mut() {
            hosts
                .wildcards
                .sort_by(|(one, _), (two, _)| names::by_specificity(one, two));
        }
    }

    /// Finds the rule for a host: in the caller's namespace, then in the service's, then in the root one.
    pub(super) fn find(
        &self,
        subject: &Subject,
        host: &str,
        service: Option<&str>,
        root: &str,
    ) -> Option<&Merged> {
        let own = &*subject.namespace;
        // In the root namespace rules are for everybody: a service's own rule goes before them, even there.
        let own_first = |merged: &Merged| own != root || merged.export.is_private(own);
        let exported = |namespace: &str| {
            let candidate = |merged: &Merged| !merged.export.is_private(namespace);
            self.most_specific(namespace, host, subject, candidate)
                .filter(|merged| merged.export.shows(own))
        };
        self.most_specific(own, host, subject, own_first)
            .or_else(|| exported(service?))
            .or_else(|| exported(root))
    }

    /// Returns the hosts without a `*` that a workload sees rules for.
    pub(super) fn hosts(&self, namespace: &str) -> Vec<&str> {
        let mut hosts: Vec<_> = self
            .0
            .iter()
            .flat_map(|(own, hosts)| hosts.exact.iter().map(move |(host, all)| (own, host, all)))
            .filter(|(own, _, all)| {
                *own == namespace || all.iter().any(|merged| merged.export.shows(namespace))
            })
            .map(|(_, host, _)| host.as_str())
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    fn most_specific(
        &self,
        namespace: &str,
        host: &str,
        subject: &Subject,
        counts: impl Fn(&Merged) -> bool,
    ) -> Option<&Merged> {
        let hosts = self.0.get(namespace)?;
        let counting = |all: &&Vec<Merged>| all.iter().any(&counts);
        let found = most_specific(
            host,
            |host| hosts.exact.get(host).filter(counting),
            hosts
                .wildcards
                .iter()
                .map(|(host, all)| (host.as_str(), all))
                .filter(|(_, all)| counting(all)),
        )?;
        let mut found = found.iter().filter(|merged| counts(merged));
        let is_own = *subject.namespace == *namespace;
        // One that selects workloads is for those of its own namespace, and goes before one for all.
        let selected = found.clone().find(|merged| {
            is_own
                && merged
                    .selector()
                    .is_some_and(|selector| selects(&selector.match_labels, &subject.labels))
        });
        selected.or_else(|| found.find(|merged| merged.selector().is_none()))
    }
}

impl Hosts {
    fn of(&mut self, host: String) -> &mut Vec<Merged> {
        if !names::is_wildcard(&host) {
            return self.exact.entry(host).or_default();
        }
        let place = self.wildcards.iter().position(|(own, _)| *own == host);
        let place = place.unwrap_or_else(|| {
            self.wildcards.push((host, Vec::new()));
            self.wildcards.len() - 1
        });
        &mut self.wildcards[place].1
    }
}

impl Merged {
    /// Returns the first policy that a rule has.
    pub(super) fn policy(&self) -> Option<&TrafficPolicy> {
        let mut policies = self.rules.iter();
        policies.find_map(|rule| rule.traffic_policy.as_ref())
    }

    /// Returns the first subset of this name.
    pub(super) fn subset(&self, name: &str) -> Option<&Subset> {
        self.rules
            .iter()
            .flat_map(|rule| rule.subsets.0.iter().flatten())
            .find(|subset| subset.name.as_ref().is_some_and(|own| own.value == name))
    }

    fn selector(&self) -> Option<&Selector> {
        self.rules[0].workload_selector.as_ref()
    }
}
