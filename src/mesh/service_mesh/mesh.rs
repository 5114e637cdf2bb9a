use std::fmt::{self, Debug, Formatter};
use std::path::Path;
use std::sync::Arc;

use super::{Error, Gateway, MeshBuilder, Workload};
#[cfg(feature = "admin")]
use crate::foundation::events::{Event, EventKind, Observe};
#[cfg(feature = "admin")]
use crate::foundation::outcome::Source;
use crate::istio::Diagnostic;
#[cfg(feature = "prometheus")]
use crate::mesh::service_mesh::options::extension::MeshExtension;
use crate::mesh::service_mesh::state::change::{Cause, Change};
use crate::mesh::service_mesh::state::mesh_state::MeshState;
use crate::mesh::service_mesh::state::weight_overrides::WeightOverride;
use crate::mesh::snapshot::MeshSnapshot;
use crate::policies::traffic_split::RouteId;

/// Traffic policies of Istio's documents, enforced inside the process.
///
/// Clones share one state. See the [module docs](crate::mesh) for an example.
#[derive(Clone)]
pub struct Mesh {
    pub(in crate::mesh) state: Arc<MeshState>,
}

impl Mesh {
    /// Reads a file, or all `.yaml`, `.yml` and `.json` files of a folder and its subfolders.
    ///
    /// # Errors
    ///
    /// [`Error::Documents`] with all findings, if one of the findings is an error.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder().read_path(path)
    }

    /// Reads a text of any number of documents, separated by `---`.
    ///
    /// # Errors
    ///
    /// As [`from_path`](Self::from_path).
    pub fn from_yaml(text: &str) -> Result<Self, Error> {
        Self::builder().read_yaml(text)
    }

    /// Returns a builder, for settings that no document holds, such as the default namespace.
    #[must_use]
    pub fn builder() -> MeshBuilder {
        MeshBuilder::default()
    }

    /// Returns the workload of the service `name` in `namespace`, with the label
    /// `app: name`.
    ///
    /// All values for the same name, namespace and labels share one state.
    #[must_use]
    pub fn workload(&self, name: &str, namespace: &str) -> Workload {
        Workload::new(Arc::clone(&self.state), name, namespace)
    }

    /// Returns the ingress that a `Gateway` describes.
    ///
    /// # Errors
    ///
    /// [`Error::NoGateway`] if no document describes it. A gateway that a later change removes answers 404.
    pub fn gateway(&self, name: &str, namespace: &str) -> Result<Gateway, Error> {
        Gateway::new(&self.state, name, namespace)
    }

    /// Replaces all documents by these, as a whole or not at all.
    ///
    /// Requests in flight finish under the previous version. Ejections, token buckets and retry budgets keep their
    /// state as long as the documents name their owner; weights that were [set](Self::set_weights) hold as long as
    /// the documented ones are unchanged.
    ///
    /// # Errors
    ///
    /// [`Error::Documents`] if the documents have errors; nothing changes then.
    pub fn apply(&self, yaml: &str) -> Result<Change, Error> {
        let documents = self.state.read_yaml(yaml);
        self.state
            .apply(documents, Cause::Applied)
            .inspect(Change::log)
    }

    /// Reads a file or a folder and applies its documents as [`apply`](Self::apply) does.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    pub fn apply_path(&self, path: impl AsRef<Path>) -> Result<Change, Error> {
        let path = path.as_ref();
        let documents = self.state.read_path(path);
        let cause = Cause::Path(path.into());
        self.state.apply(documents, cause).inspect(Change::log)
    }

    /// Sets the weights of a host's route, one for each of its destinations and in their
    /// order, for all workloads and gateways, as for a canary release. A route is given by its name or by its index,
    /// from 0, among the host's routes.
    ///
    /// The weights hold until the documents change the weights of that route.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if no workload of any documented namespace has such a host and route, or if
    /// the weights do not fit; nothing changes then.
    pub fn set_weights(
        &self,
        host: &str,
        route: impl Into<RouteId>,
        weights: impl AsRef<[u32]>,
    ) -> Result<Change, Error> {
        let overrides = WeightOverride::new(host, route.into(), weights.as_ref());
        self.state.set_weights(overrides).inspect(Change::log)
    }

    /// Returns the state of all workloads and gateways, their configuration, and its history, as plain values.
    ///
    /// It costs some microseconds for each cluster, on the thread of the caller, and no request waits for it.
    #[must_use]
    pub fn snapshot(&self) -> MeshSnapshot {
        super::snapshot::mesh(&self.state)
    }

    /// Ends the ejections of an endpoint by its address, in the cluster of this name of every workload and gateway.
    /// Returns the number of ejections that it ended.
    ///
    /// The endpoint may be ejected again at once, if it fails as before.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn uneject(&self, cluster: &str, endpoint: &str) -> usize {
        let proxies = super::snapshot::proxies(&self.state);
        let clusters = proxies.iter().flat_map(|proxy| proxy.known_clusters());
        let clusters = clusters.filter(|one| one.source().cluster() == Some(cluster));
        clusters
            .map(|cluster| {
                let all = cluster.endpoints().to_vec().into_iter();
                let all = all.filter(|one| one.address().as_str() == endpoint);
                all.filter(|one| cluster.detector().uneject(one)).count()
            })
            .sum()
    }

    /// Reports an event of the mesh as a whole to its observers.
    #[cfg(feature = "admin")]
    pub(crate) fn emit(&self, kind: &EventKind) {
        let source = Arc::new(Source::default().with_name("admin"));
        self.state
            .options
            .observe
            .on_event(&Event::new(kind, &source));
    }

    /// Adds an observer of all layers' decisions until its owner drops it.
    ///
    /// Clients and servers that are made later also report the ends of requests to it, if it
    /// [wants them](Observe::observes_requests).
    #[cfg(feature = "admin")]
    pub(crate) fn observed_by(&self, observe: &Arc<dyn Observe>) {
        self.state.joined.join(observe);
    }

    /// Returns the warnings and notes about the current documents.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.state.snapshot().documents.diagnostics().to_vec()
    }

    /// Returns the number of the current version of the configuration; each change increments it
    /// by one.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.state.version()
    }

    /// Returns the extension by a tier above.
    #[cfg(feature = "prometheus")]
    pub(crate) fn extension(&self) -> Option<&Arc<dyn MeshExtension>> {
        self.state.options.extension.as_ref()
    }

    /// Returns the last 100 changes, oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<Change> {
        self.state.history()
    }
}

impl Debug for Mesh {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mesh")
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

/// Reference to a mesh that does not keep it alive.
#[cfg(feature = "prometheus")]
#[derive(Clone, Debug)]
pub(crate) struct WeakMesh(std::sync::Weak<MeshState>);

#[cfg(feature = "prometheus")]
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
