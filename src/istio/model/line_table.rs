use std::sync::Arc;

use crate::istio::syntax::tree::{NodeId, Tree};

/// Lines of the values of one YAML document, kept when its syntax tree is dropped. They count from the first line of
/// the document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LineTable(Arc<[u32]>);

impl LineTable {
    pub(in crate::istio) fn new(tree: &Tree) -> Self {
        let lines = tree.nodes().map(|at| tree.focus(at).line);
        Self(lines.collect())
    }

    /// Returns the line of a value, or of its key if it is a list or a map.
    pub(in crate::istio) fn line(&self, at: NodeId) -> u32 {
        self.0.get(at.index()).copied().unwrap_or_default()
    }
}
