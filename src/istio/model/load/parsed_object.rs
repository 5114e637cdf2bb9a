use std::sync::Arc;

use super::yaml_document::YamlDocument;
use crate::istio::diagnostics::diagnostic::SourceLocation;
use crate::istio::diagnostics::finding::Findings;
use crate::istio::model::object::Object;
use crate::istio::syntax::tree::{NodeId, Tree};

/// An object with its tree and findings.
#[derive(Debug)]
pub(crate) struct ParsedObject {
    pub(crate) object: Object,
    pub(crate) findings: Findings,
    pub(in crate::istio) tree: Arc<Tree>,
    pub(in crate::istio) document: Arc<YamlDocument>,
}

impl ParsedObject {
    /// Returns the position of the object's name.
    pub(crate) fn location(&self) -> SourceLocation {
        self.location_of(self.object.at)
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) fn location_of(&self, at: NodeId) -> SourceLocation {
        self.document.location(self.tree.focus(at))
    }
}
