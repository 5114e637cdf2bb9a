use std::hash::{BuildHasher, RandomState};
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
    /// Hash of the text, by [`Contents::hash`].
    pub(in crate::istio) hash: u64,
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

/// Contents of the documents of a load, in their order.
#[derive(Debug, Default)]
pub(in crate::istio) struct Contents {
    all: Vec<Arc<DocumentContent>>,
    hasher: RandomState,
}

impl Contents {
    /// Creates the list for a load that takes contents of this one over.
    pub(in crate::istio) fn following(&self) -> Self {
        Self {
            all: Vec::with_capacity(self.all.len()),
            hasher: self.hasher.clone(),
        }
    }

    pub(in crate::istio) fn all(&self) -> &[Arc<DocumentContent>] {
        &self.all
    }

    /// Returns the hash of a text, as the contents of this load and of those that follow it have it.
    pub(in crate::istio) fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }

    pub(in crate::istio) fn push(&mut self, content: Arc<DocumentContent>) {
        self.all.push(content);
    }

    pub(in crate::istio) fn shrink(&mut self) {
        self.all.shrink_to_fit();
    }
}
