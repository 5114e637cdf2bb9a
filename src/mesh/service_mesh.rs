use std::path::Path;
use std::sync::Arc;

use super::{Error, Gateway, MeshBuilder, Workload};
use crate::istio::Diagnostic;
use crate::mesh::state::change::{Cause, Change};
use crate::mesh::state::mesh_state::MeshState;
use crate::mesh::state::weight_overrides::WeightOverride;
use crate::policies::traffic_split::RouteId;

/// What Istio's documents say, enforced inside the process.
///
/// Clones are the same mesh. See the [module docs](crate::mesh) for an example.
#[derive(Clone, Debug)]
pub struct Mesh {
    pub(in crate::mesh) state: Arc<MeshState>,
}

impl Mesh {
    /// Reads a file, or all files of a folder and its subfolders that end in `.yaml`, `.yml` or `.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Documents`] with all findings, if one of them is an error.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder().read_path(path)
    }

    /// Reads a text of any number of documents, apart by `---`.
    ///
    /// # Errors
    ///
    /// As [`from_path`](Self::from_path).
    pub fn from_yaml(text: &str) -> Result<Self, Error> {
        Self::builder().read_yaml(text)
    }

    /// Begins with settings that no document holds, such as the default namespace.
    #[must_use]
    pub fn builder() -> MeshBuilder {
        MeshBuilder::default()
    }

    /// Returns one of the services, as its sidecar would know it: named `name`, with the label
    /// `app: name`.
    ///
    /// Whatever is made of the same name, namespace and labels shares its state.
    #[must_use]
    pub fn workload(&self, name: &str, namespace: &str) -> Workload {
        Workload::new(Arc::clone(&self.state), name, namespace)
    }

    /// Returns the ingress that a `Gateway` describes.
    ///
    /// # Errors
    ///
    /// [`Error::NoGateway`] if no document describes it. One that a later change takes away answers 404.
    pub fn gateway(&self, name: &str, namespace: &str) -> Result<Gateway, Error> {
        Gateway::new(&self.state, name, namespace)
    }

    /// Takes these documents in place of all that there were, whole or not at all.
    ///
    /// Requests in flight finish on what they began with. Ejections, buckets and budgets keep what they
    /// know, unless what they belong to is gone; weights that were [set](Self::set_weights) stay where the
    /// documented ones are what they were.
    ///
    /// # Errors
    ///
    /// [`Error::Documents`], and then nothing changes.
    pub fn apply(&self, yaml: &str) -> Result<Change, Error> {
        let documents = self.state.read_yaml(yaml);
        self.state
            .apply(documents, Cause::Applied)
            .inspect(log_change)
    }

    /// Reads a file or a folder anew, as [`apply`](Self::apply) does a text.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    pub fn apply_path(&self, path: impl AsRef<Path>) -> Result<Change, Error> {
        let path = path.as_ref();
        let documents = self.state.read_path(path);
        let cause = Cause::Path(path.into());
        self.state.apply(documents, cause).inspect(log_change)
    }

    /// Moves a canary: sets the weights of a host's route, one for each of its destinations and in their
    /// order, for all workloads and gateways. A route is named, or counted from 0 among the host's.
    ///
    /// They hold until the documents give that route other weights.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if no workload of any documented namespace knows such a host and route, or if
    /// the weights do not fit; and then nothing changes.
    pub fn set_weights(
        &self,
        host: &str,
        route: impl Into<RouteId>,
        weights: impl AsRef<[u32]>,
    ) -> Result<Change, Error> {
        let overrides = WeightOverride {
            documented: Vec::new(),
            host: host.into(),
            route: route.into(),
            weights: weights.as_ref().to_vec(),
        };
        self.state.set_weights(overrides).inspect(log_change)
    }

    /// Returns all that was found in the documents that count: warnings and notes.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.state.snapshot().documents.diagnostics().to_vec()
    }

    /// Returns the number of the version that counts for all workloads and gateways; it grows by one with
    /// every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.state.version()
    }

    /// Returns the last 100 changes, the oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<Change> {
        self.state.history()
    }
}

fn log_change(change: &Change) {
    tracing::info!("policies: {change}");
}
