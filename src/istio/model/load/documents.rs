use std::path::Path;
use std::sync::Arc;

use super::document_content::Contents;
use super::load_options::LoadOptions;
use crate::istio::diagnostics::diagnostic::{Diagnostic, Severity};
use crate::istio::model::kind::Kind;
use crate::istio::model::object::ResourceName;
use crate::istio::model::placed_object::PlacedObject;
use crate::istio::syntax::tree::Tree;

/// A set of parsed, validated and analyzed Istio documents with all findings.
///
/// Loading never fails: unreadable input is reported as a [`Diagnostic`]. **Loading alone enforces
/// nothing**: see [`mesh`](crate::mesh).
///
/// See the [module docs](crate::istio) for an example.
#[derive(Debug)]
pub struct Documents {
    pub(in crate::istio) resources: Vec<Resource>,
    pub(in crate::istio) diagnostics: Vec<Diagnostic>,
    /// Objects of other kinds that define a service name.
    pub(in crate::istio) foreign: Vec<Arc<ResourceName>>,
    /// Contents of the documents, for a later load with the same options.
    pub(in crate::istio) contents: Contents,
    pub(in crate::istio) options: LoadOptions,
    pub(in crate::istio) skipped: usize,
    /// Files without a single character but blanks: being written, or a slip.
    #[cfg_attr(
        not(feature = "watch"),
        expect(dead_code, reason = "who follows files asks")
    )]
    pub(in crate::istio) blank: Vec<Arc<Path>>,
}

/// An Istio object of a set of [`Documents`].
#[derive(Debug)]
pub struct Resource {
    pub(in crate::istio) object: PlacedObject,
    /// The syntax tree, kept for objects that contain Envoy configuration.
    pub(in crate::istio) tree: Option<Arc<Tree>>,
    pub(in crate::istio) is_valid: bool,
}

impl Documents {
    /// Returns all findings: errors, warnings and notes, in the order of files and lines.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Returns true if any finding is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Returns the number of findings of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics
            .iter()
            .filter(|found| found.severity() == severity)
            .count()
    }

    /// Returns the Istio objects, including those with errors, in the order of files and lines.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Returns the files that `self` has nothing of because they are blank, and `old` has documents of.
    #[cfg(feature = "watch")]
    pub(crate) fn emptied_since<'a>(&'a self, old: &'a Self) -> impl Iterator<Item = &'a Path> {
        let blank = self.blank.iter().map(|file| &**file);
        blank.filter(|blank| old.resources.iter().any(|one| one.file() == Some(*blank)))
    }

    /// Returns true if the objects stand in the same files and lines as those of `other`, in the same order.
    #[cfg(feature = "watch")]
    pub(crate) fn has_places_of(&self, other: &Self) -> bool {
        let is_same = |(one, two): (&Resource, &Resource)| {
            one.file() == two.file()
                && one.line() == two.line()
                && one.object.lines == two.object.lines
        };
        let pairs = self.resources.iter().zip(&other.resources);
        self.resources.len() == other.resources.len() && pairs.into_iter().all(is_same)
    }

    /// Returns how many documents were passed over: other kinds of Kubernetes, and what is no document.
    #[must_use]
    pub const fn skipped(&self) -> usize {
        self.skipped
    }
}

impl Resource {
    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.object.kind
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.object.name
    }

    /// Returns the namespace; the default is `default`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.object.namespace
    }

    /// Returns the source file; `None` for a text.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.object.file()
    }

    /// Returns the line of the object's name, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.object.line(self.object.at)
    }

    /// Returns true if the object has no errors.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.is_valid
    }

    /// Returns true if both have the same content, regardless of positions.
    pub(crate) fn semantic_eq(&self, other: &Self) -> bool {
        if self.object.is_same(&other.object) {
            return true;
        }
        let trees = match (&self.tree, &other.tree) {
            (Some(one), Some(two)) => one.semantic_eq(two),
            (None, None) => true,
            _ => false,
        };
        trees && self.object.spec == other.object.spec
    }
}
