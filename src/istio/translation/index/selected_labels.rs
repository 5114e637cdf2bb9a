use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::istio::api::fields::read::{Entries, Spanned};
use crate::istio::config::{ConfigScope, WorkloadId};
use crate::istio::model::load::documents::Documents;
use crate::istio::model::spec::Spec;
use crate::istio::translation::limits::Patch;

/// Labels by which some document selects workloads: workloads that differ in others only have one configuration.
#[derive(Debug, Default)]
pub(in crate::istio::translation) struct SelectedLabels(HashMap<String, HashSet<String>>);

impl SelectedLabels {
    pub(super) fn of(documents: &Documents, patches: &[Patch]) -> Self {
        let mut selected = Self::default();
        for resource in documents.resources.iter().filter(|one| one.is_valid) {
            match &resource.object.spec {
                Some(Spec::DestinationRule(rule)) => {
                    let selectors = rule.workload_selector.iter();
                    selectors.for_each(|selector| selected.add(&selector.match_labels));
                }
                Some(Spec::VirtualService(service)) => {
                    let routes = service.http.0.iter().flatten();
                    let matches = routes.flat_map(|route| route.matches.0.iter().flatten());
                    matches.for_each(|one| selected.add(&one.source_labels));
                }
                _ => {}
            }
        }
        for (name, value) in patches.iter().flat_map(Patch::labels) {
            selected.insert(name, value);
        }
        selected
    }

    /// Returns the part of a workload's identity that its configuration depends on.
    pub(in crate::istio::translation) fn scope(&self, workload: &WorkloadId) -> ConfigScope {
        let labels = workload.labels.iter().filter(|(name, value)| {
            let values = self.0.get(*name);
            values.is_some_and(|values| values.contains(*value))
        });
        let labels = labels.map(|(name, value)| (name.clone(), value.clone()));
        ConfigScope {
            labels: labels.collect::<BTreeMap<_, _>>(),
            namespace: Arc::clone(&workload.namespace),
        }
    }

    fn add(&mut self, selector: &Entries<Spanned<String>>) {
        for (name, value) in selector {
            // Absent is as good as empty: so selectors are read.
            let value = value.as_ref().map_or("", |value| &value.value);
            self.insert(&name.value, value);
        }
    }

    fn insert(&mut self, name: &str, value: &str) {
        let values = self.0.entry(name.to_owned()).or_default();
        values.insert(value.to_owned());
    }
}
