use std::sync::Arc;

use super::yaml_document::YamlDocument;
use crate::istio::diagnostics::diagnostic::SourceLocation;
use crate::istio::diagnostics::finding::Findings;
use crate::istio::model::object::Object;
use crate::istio::syntax::tree::{NodeId, Tree};

/// An object of a load, with its findings.
#[derive(Debug)]
pub(crate) struct ParsedObject {
    pub(crate) object: Arc<Object>,
    pub(crate) findings: Findings,
    pub(in crate::istio) document: Arc<YamlDocument>,
    /// Index of its tree among those of the document.
    pub(in crate::istio) tree: usize,
    /// The tree of an object that contains Envoy configuration.
    pub(in crate::istio) patches: Option<Arc<Tree>>,
}

impl ParsedObject {
    /// Returns the position of the object's name.
    pub(crate) fn location(&self) -> SourceLocation {
        self.location_of(self.object.at)
    }

    pub(crate) fn tree(&self) -> &Tree {
        match &self.patches {
            Some(tree) => tree,
            None => self.document.tree(self.tree),
        }
    }

    pub(crate) fn location_of(&self, at: NodeId) -> SourceLocation {
        self.document.location(self.tree().focus(at))
    }
}
