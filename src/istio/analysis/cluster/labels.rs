use crate::istio::api::fields::read::{Entries, Spanned};
use crate::istio::syntax::tree::{NodeId, Tree};

/// Labels of a workload, or those that a selector asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::istio::analysis) struct Labels<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Labels<'a> {
    /// Reads the labels that stand at a place.
    pub(super) fn at(tree: &'a Tree, at: Option<NodeId>) -> Self {
        let entries = at.into_iter().flat_map(|at| tree.items(at));
        let mut labels: Vec<_> = entries
            .filter_map(|entry| Some((tree.key(*entry)?, tree.text(*entry)?)))
            .collect();
        labels.sort_unstable();
        Self(labels)
    }

    pub(in crate::istio::analysis) fn of(entries: &'a Entries<Spanned<String>>) -> Self {
        let value =
            |value: &'a Option<Spanned<String>>| value.as_ref().map_or("", |v| v.value.as_str());
        let mut labels: Vec<_> = entries
            .iter()
            .map(|(name, own)| (name.value.as_str(), value(own)))
            .collect();
        labels.sort_unstable();
        Self(labels)
    }

    pub(in crate::istio::analysis) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| *own == name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let mut found = self.0.iter().filter(|(own, _)| *own == name);
        found.next().map(|(_, value)| *value)
    }

    /// Says whether a selector of these labels selects a workload of those.
    pub(in crate::istio::analysis) fn select(&self, workload: &Self) -> bool {
        self.0.iter().all(|label| workload.0.contains(label))
    }

    /// Returns them without those that Kubernetes takes from nodes.
    pub(super) fn without_topology(mut self) -> Self {
        self.0.retain(|(name, _)| !name.starts_with("topology."));
        self
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.0.iter().copied()
    }

    /// Returns them as one text, such as `app=a, version=v1`.
    pub(super) fn text(&self) -> String {
        let labels = self
            .0
            .iter()
            .take(8)
            .map(|(name, value)| format!("{name}={value}"));
        labels.collect::<Vec<_>>().join(", ")
    }
}
