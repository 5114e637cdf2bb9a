use std::any::Any;
use std::fmt::Debug;
use std::sync::{Arc, Weak};

use crate::foundation::events::Observe;
use crate::mesh::Mesh;
use crate::mesh::service_mesh::state::mesh_state::MeshState;

/// Extension of a mesh by a tier above it: an observer that reads the state of the mesh, too.
pub(crate) trait MeshExtension: Debug + Send + Sync + 'static {
    /// Returns itself, to be found by its type.
    fn as_any(&self) -> &dyn Any;

    /// Takes a reference to the mesh, which is there from now on.
    fn attach(&self, mesh: WeakMesh);

    /// Returns its observer.
    fn observer(&self) -> Arc<dyn Observe>;
}

/// Reference to a mesh that does not keep it alive.
#[derive(Clone, Debug)]
pub(crate) struct WeakMesh(Weak<MeshState>);

impl WeakMesh {
    pub(in crate::mesh) fn new(state: &Arc<MeshState>) -> Self {
        Self(Arc::downgrade(state))
    }

    /// Returns the mesh; none if its last clone is gone.
    pub(crate) fn upgrade(&self) -> Option<Mesh> {
        let state = self.0.upgrade()?;
        Some(Mesh { state })
    }
}
