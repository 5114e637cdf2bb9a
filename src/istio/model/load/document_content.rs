use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::istio::diagnostics::finding::Findings;
use crate::istio::model::object::{Object, ResourceName};
use crate::istio::syntax::tree::{NodeId, Tree};

/// Objects of one YAML document, as its text describes them: neither its file nor its line is in them.
///
/// A later load takes those of equal texts over, so that it reads what changed only.
#[derive(Debug)]
pub(in crate::istio) struct DocumentContent {
    pub(in crate::istio) text: Arc<str>,
    /// Bytes that its values take of the memory budget of a load.
    pub(in crate::istio) memory: usize,
    pub(in crate::istio) objects: Box<[ReadObject]>,
}

/// An object, or what is none, with its own findings.
#[derive(Debug)]
pub(in crate::istio) struct ReadObject {
    pub(in crate::istio) content: Content,
    pub(in crate::istio) findings: Findings,
    pub(in crate::istio) at: NodeId,
    /// Index of its tree among those of the document.
    pub(in crate::istio) tree: usize,
    /// The tree of an object that contains Envoy configuration, which is read again later.
    pub(in crate::istio) patches: Option<Arc<Tree>>,
}

/// Content of a document: an object of Istio, of another project, or none.
#[derive(Clone, Debug)]
pub(in crate::istio) enum Content {
    Foreign(Arc<ResourceName>),
    Istio(Arc<Object>),
    Nothing,
}

/// Contents of documents by their texts.
#[derive(Debug, Default)]
pub(in crate::istio) struct ContentsByText(HashSet<ByText>);

#[derive(Debug)]
struct ByText(Arc<DocumentContent>);

impl ContentsByText {
    pub(in crate::istio) fn find(&self, text: &str) -> Option<&Arc<DocumentContent>> {
        self.0.get(text).map(|ByText(content)| content)
    }

    pub(in crate::istio) fn insert(&mut self, content: Arc<DocumentContent>) {
        self.0.insert(ByText(content));
    }

    pub(in crate::istio) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

impl Borrow<str> for ByText {
    fn borrow(&self) -> &str {
        &self.0.text
    }
}

impl Hash for ByText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl Eq for ByText {}

impl PartialEq for ByText {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}
