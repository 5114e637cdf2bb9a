use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use crate::foundation::events::Observe;
use crate::mesh::service_mesh::mesh::WeakMesh;

/// Extension of a mesh by a tier above it: an observer that reads the state of the mesh, too.
pub(crate) trait MeshExtension: Debug + Send + Sync + 'static {
    /// Returns itself, to be found by its type.
    fn as_any(&self) -> &dyn Any;

    /// Takes a reference to the mesh, which is there from now on.
    fn attach(&self, mesh: WeakMesh);

    /// Returns its observer.
    fn observer(&self) -> Arc<dyn Observe>;
}
