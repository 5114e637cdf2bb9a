use std::fmt::{self, Debug, Formatter};
use std::ops::Deref;
use std::sync::Arc;

use crate::foundation::outcome::Origin;
use crate::istio::model::placed_object::PlacedObject;
use crate::istio::model::spec::Spec;
use crate::istio::syntax::tree::NodeId;

/// Reference to an object of one kind in a set of documents.
pub(in crate::istio::translation) struct ObjectRef<T> {
    object: PlacedObject,
    pick: fn(&Spec) -> Option<&T>,
}

impl<T> ObjectRef<T> {
    /// Creates a reference if the object is of the kind that `pick` selects.
    pub(in crate::istio::translation) fn of(
        object: &PlacedObject,
        pick: fn(&Spec) -> Option<&T>,
    ) -> Option<Self> {
        object.spec.as_ref().and_then(pick)?;
        Some(Self {
            object: object.clone(),
            pick,
        })
    }

    pub(in crate::istio::translation) fn name(&self) -> &str {
        &self.object.name
    }

    pub(in crate::istio::translation) fn namespace(&self) -> &str {
        &self.object.namespace
    }

    /// Returns the place of the object's name.
    pub(in crate::istio::translation) fn name_origin(&self) -> Origin {
        self.origin(self.object.at)
    }

    /// Returns `Kind namespace/name`.
    pub(in crate::istio::translation) fn id(&self) -> Arc<str> {
        Arc::clone(&self.object.id)
    }

    /// Returns the place of one of its values.
    pub(in crate::istio::translation) fn origin(&self, at: NodeId) -> Origin {
        self.object.origin(at)
    }
}

impl<T> Deref for ObjectRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let spec = self.object.spec.as_ref();
        spec.and_then(self.pick)
            .expect("created only if `pick` returns a value, and objects are immutable")
    }
}

impl<T> Debug for ObjectRef<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.object.id)
    }
}
