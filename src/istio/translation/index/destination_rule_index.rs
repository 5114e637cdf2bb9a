use std::collections::{BTreeSet, HashMap};

use super::host_map::HostMap;
use super::object_ref::ObjectRef;
use super::selector::selects;
use crate::foundation::outcome::Origin;
use crate::istio::api::destination_rule::{DestinationRule, Selector, Subset, TrafficPolicy};
use crate::istio::config::WorkloadId;
use crate::istio::model::export::ExportTo;
use crate::istio::model::names;

/// Destination rules by namespace and host.
#[derive(Debug, Default)]
pub(in crate::istio::translation) struct DestinationRuleIndex(
    HashMap<String, HostMap<Vec<MergedRule>>>,
);

/// Rules of one namespace for one host, merged to one.
#[derive(Debug)]
pub(in crate::istio::translation) struct MergedRule {
    export: ExportTo,
    rules: Vec<ObjectRef<DestinationRule>>,
}

/// Part of a rule, with the rule.
pub(in crate::istio::translation) type InRule<'a, T> = (&'a ObjectRef<DestinationRule>, &'a T);

impl DestinationRuleIndex {
    pub(in crate::istio::translation) fn add(
        &mut self,
        object_ref: ObjectRef<DestinationRule>,
        domain: &str,
    ) {
        let Some(host) = &object_ref.host else { return };
        let own = object_ref.namespace().to_owned();
        let host = names::full(&host.value, &own, domain).to_ascii_lowercase();
        let export = ExportTo::of(&object_ref.export_to, &own);
        let merged = self.0.entry(own).or_default().entry(host);
        // Istio merges rules for one host only if their visibility and their selector are equal.
        let same = merged.iter_mut().find(|merged| {
            merged.export == export && merged.selector() == object_ref.workload_selector.as_ref()
        });
        match same {
            Some(same) => same.rules.push(object_ref),
            None => merged.push(MergedRule {
                export,
                rules: vec![object_ref],
            }),
        }
    }

    /// Finds the rule for a host: in the caller's namespace, then the service's, then the root
    /// namespace.
    pub(in crate::istio::translation) fn find(
        &self,
        workload: &WorkloadId,
        host: &str,
        service: Option<&str>,
        root: &str,
    ) -> Option<&MergedRule> {
        let own = &*workload.namespace;
        // Rules in the root namespace apply to all namespaces; a service's own rule takes
        // precedence, even there.
        let own_first = |merged: &MergedRule| own != root || merged.export.is_private(own);
        let exported = |namespace: &str| {
            // A private rule of another namespace must not hide a more general exported one.
            let candidate = |merged: &MergedRule| !merged.export.is_private(namespace);
            self.most_specific(namespace, host, workload, candidate)
                .filter(|merged| merged.export.shows(own))
        };
        self.most_specific(own, host, workload, own_first)
            .or_else(|| exported(service?))
            .or_else(|| exported(root))
    }

    /// Returns all hosts of rules, without wildcards.
    pub(in crate::istio::translation) fn hosts(&self) -> BTreeSet<&str> {
        let hosts = self.0.values().flat_map(HostMap::iter);
        let hosts = hosts.map(|(host, _)| host);
        hosts.filter(|host| !names::is_wildcard(host)).collect()
    }

    fn most_specific(
        &self,
        namespace: &str,
        host: &str,
        workload: &WorkloadId,
        counts: impl Fn(&MergedRule) -> bool,
    ) -> Option<&MergedRule> {
        // The most specific host decides first, then the selector: a more general host is not
        // considered.
        let hosts = self.0.get(namespace)?;
        let found = hosts.most_specific(host, |all| all.iter().any(&counts))?;
        let mut found = found.iter().filter(|merged| counts(merged));
        let is_own = *workload.namespace == *namespace;
        // A rule with a workload selector applies to its own namespace, and takes precedence over
        // one without.
        let selected = found.clone().find(|merged| {
            is_own
                && merged
                    .selector()
                    .is_some_and(|selector| selects(&selector.match_labels, &workload.labels))
        });
        selected.or_else(|| found.find(|merged| merged.selector().is_none()))
    }
}

impl MergedRule {
    /// Returns the first traffic policy of the merged rules, with its rule.
    pub(in crate::istio::translation) fn policy(&self) -> Option<InRule<'_, TrafficPolicy>> {
        let mut policies = self.rules.iter();
        policies.find_map(|rule| Some((rule, rule.traffic_policy.as_deref()?)))
    }

    /// Returns the first subset of this name, with its rule.
    pub(in crate::istio::translation) fn subset(&self, name: &str) -> Option<InRule<'_, Subset>> {
        let all = self.rules.iter().flat_map(|rule| {
            let subsets = rule.subsets.0.iter().flatten();
            subsets.map(move |subset| (rule, subset))
        });
        let mut all = all.filter(|(_, subset)| {
            let own = subset.name.as_ref();
            own.is_some_and(|own| own.value == name)
        });
        all.next()
    }

    /// Returns the place of the first rule.
    pub(in crate::istio::translation) fn origin(&self) -> Option<Origin> {
        self.rules.first().map(ObjectRef::name_origin)
    }

    fn selector(&self) -> Option<&Selector> {
        self.rules[0].workload_selector.as_ref()
    }
}
