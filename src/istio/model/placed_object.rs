use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::object::Object;
use crate::foundation::outcome::Origin;
use crate::istio::syntax::tree::NodeId;

/// An object with the place of its document, which a change may move without a change of the object.
///
/// Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct PlacedObject {
    object: Arc<Object>,
    file: Option<Arc<Path>>,
    /// Number of lines before the document.
    before: u32,
}

impl PlacedObject {
    pub(in crate::istio) const fn new(
        object: Arc<Object>,
        file: Option<Arc<Path>>,
        before: u32,
    ) -> Self {
        Self {
            object,
            file,
            before,
        }
    }

    pub(in crate::istio) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns the line of one of its values.
    pub(in crate::istio) fn line(&self, at: NodeId) -> u32 {
        self.object.lines.line(at).saturating_add(self.before)
    }

    /// Returns the place of one of its values.
    pub(in crate::istio) fn origin(&self, at: NodeId) -> Origin {
        Origin::new(Arc::clone(&self.id), self.file.clone(), self.line(at))
    }

    /// Says whether both are one object that was read once.
    pub(in crate::istio) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.object, &other.object)
    }
}

impl Deref for PlacedObject {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.object
    }
}
