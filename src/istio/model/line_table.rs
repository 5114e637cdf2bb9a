use std::path::Path;
use std::sync::Arc;

use crate::istio::model::load::yaml_document::YamlDocument;
use crate::istio::syntax::tree::{NodeId, Tree};

/// File and lines of the values of one YAML document, kept when its syntax tree is dropped.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LineTable {
    file: Option<Arc<Path>>,
    lines: Arc<[u32]>,
}

impl LineTable {
    pub(in crate::istio) fn new(tree: &Tree, document: &YamlDocument) -> Self {
        let lines = tree.nodes().map(|at| document.span(tree.focus(at)).line);
        Self {
            file: document.file.clone(),
            lines: lines.collect(),
        }
    }

    pub(in crate::istio) fn file(&self) -> Option<Arc<Path>> {
        self.file.clone()
    }

    /// Returns the line of a value, or of its key if it is a list or a map.
    pub(in crate::istio) fn line(&self, at: NodeId) -> u32 {
        self.lines.get(at.index()).copied().unwrap_or_default()
    }
}
