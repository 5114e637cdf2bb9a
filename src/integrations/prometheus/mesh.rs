//! Metrics of a mesh.

use std::any::Any;
use std::sync::Arc;

use super::Metrics;
use super::mesh_state::MeshState;
use crate::foundation::events::Observe;
use crate::mesh::{Mesh, MeshBuilder, MeshExtension, WeakMesh};

impl MeshBuilder {
    /// Counts the requests, attempts and decisions of all workloads and gateways in `metrics`, beside the
    /// [observer](Self::with_observer). By default nothing is counted.
    ///
    /// The workloads of the mesh then exchange their names in Istio's headers `x-envoy-peer-metadata` and
    /// `x-envoy-peer-metadata-id`: a client writes its own into requests to hosts inside the mesh, and a server answers
    /// a caller that did. They are believed from addresses of loopback and of private networks, and reach neither an
    /// application nor a host outside.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics) -> Self {
        let cluster = Arc::clone(&metrics.shared.policy.cluster);
        self.with_extension(Arc::new(metrics.clone()), cluster)
    }
}

impl Mesh {
    /// Returns the metrics that its [builder](MeshBuilder::with_metrics) was given; none if it was given none.
    #[must_use]
    pub fn metrics(&self) -> Option<&Metrics> {
        self.extension()?.as_any().downcast_ref()
    }
}

impl MeshExtension for Metrics {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn attach(&self, mesh: WeakMesh) {
        self.add_state(Arc::new(MeshState(mesh)));
    }

    fn observer(&self) -> Arc<dyn Observe> {
        Self::observer(self)
    }
}
