use std::path::Path;
use std::sync::Arc;

use super::options::Options;
use super::{Error, Mesh};
use crate::foundation::events::Observe;
use crate::istio::Documents;
use crate::istio::model::load::load_options::LoadOptions;
use crate::istio::translation::Settings;
use crate::istio::{FieldValidation, Input, Severity};
#[cfg(feature = "prometheus")]
use crate::mesh::service_mesh::mesh::WeakMesh;
#[cfg(feature = "prometheus")]
use crate::mesh::service_mesh::options::extension::MeshExtension;
use crate::mesh::service_mesh::state::mesh_state::MeshState;
use crate::policies::authorization::Authorize;
use crate::policies::telemetry::TracePolicy;

/// Settings of a [`Mesh`] that no document holds.
#[derive(Clone, Debug)]
pub struct MeshBuilder {
    load_options: LoadOptions,
    options: Options,
    settings: Settings,
}

impl MeshBuilder {
    /// Sets the external authorizer that authorization policies with the action `CUSTOM` ask by the name `provider`: a
    /// counterpart of Istio's `extensionProviders`. A request for which an unknown one would have to be asked is denied.
    #[must_use]
    pub fn with_authorizer(
        mut self,
        provider: impl Into<Arc<str>>,
        authorize: Arc<dyn Authorize>,
    ) -> Self {
        let authorization = std::mem::take(&mut self.options.authorization);
        self.options.authorization = authorization.with_authorizer(provider, authorize);
        self
    }

    /// Sets the namespace of documents without one. The default is `default`.
    #[must_use]
    pub fn with_default_namespace(mut self, namespace: impl Into<Arc<str>>) -> Self {
        self.settings.default_namespace = namespace.into();
        self.load_options.default_namespace = Arc::clone(&self.settings.default_namespace);
        self
    }

    /// Sets the namespace of objects that apply to the whole mesh. The default is `istio-system`.
    #[must_use]
    pub fn with_root_namespace(mut self, namespace: impl Into<Arc<str>>) -> Self {
        self.settings.root_namespace = namespace.into();
        self
    }

    /// Sets the certificates of this process's workloads, with which documents about mutual TLS have their effect.
    ///
    /// The listeners of `Workload::listen` accept what `PeerAuthentication` says. The connections of `Workload::client`
    /// and of a gateway's own client use them for `tls` with the mode `ISTIO_MUTUAL`, and, where no mode is written, to
    /// endpoints of the mesh with the label `security.istio.io/tlsMode: istio`. Authorization policies that compare identities
    /// are accepted, as by [`with_peer_identities`](Self::with_peer_identities). By default a mesh has no certificates, and
    /// warns about such documents (`MSH0009`, `MSH0018`).
    #[cfg(feature = "mtls")]
    #[must_use]
    pub fn with_certificates(mut self, certificates: crate::transport::mtls::Certificates) -> Self {
        self.options.certificates = Some(certificates);
        self.options.peer_identities = true;
        self.load_options.has_identity = true;
        self
    }

    /// Sets the domain in which the full names of services end. The default is `cluster.local`.
    #[must_use]
    pub fn with_cluster_domain(mut self, domain: impl Into<Arc<str>>) -> Self {
        self.settings.cluster_domain = domain.into();
        self.options.metadata.domain = Arc::clone(&self.settings.cluster_domain);
        self
    }

    /// Selects Envoy's behaviour wherever this crate's differs by default and the difference is a setting. By default
    /// this crate's own behaviour applies.
    ///
    /// - Retries have no budget unless a document sets one, repeat POST and PATCH like GET, keep up to 1 MiB of
    ///   a request body for it, and do not wait for `Retry-After`.
    /// - A local rate limit without `filter_enabled` limits nothing.
    /// - The share of `maxEjectionPercent` is a hard limit, so that a lone endpoint is never ejected.
    /// - An endpoint that is new or comes back gets its full share at once, unless `warmup` is written.
    /// - The deadline in a caller's headers is ignored.
    /// - Headers for services of the mesh [go to all hosts](Self::with_internal_headers_everywhere).
    ///
    /// The [table of differences][table] lists these beside the differences that remain.
    ///
    /// [table]: crate::mesh#differences-from-envoy
    #[must_use]
    pub const fn with_envoy_behaviour(mut self) -> Self {
        self.options.envoy_behaviour = true;
        self.options.internal_headers_everywhere = true;
        self.settings.envoy_behaviour = true;
        self
    }

    /// Sends the headers for services of the mesh to all hosts, as Envoy does, if `true`: `x-envoy-*`, `x-request-id`,
    /// and B3 where it was received. By default only hosts inside the mesh get them: services of the cluster, and
    /// those of a `ServiceEntry` with `location: MESH_INTERNAL`. A `ServiceEntry` without a location is
    /// `MESH_EXTERNAL`, as in Istio, unless its host is the name of a service of the cluster; a host that no document
    /// places is a stranger.
    ///
    /// W3C's trace context goes to all hosts, unless [the policy of traces](Self::with_trace) says otherwise.
    #[must_use]
    pub const fn with_internal_headers_everywhere(mut self, everywhere: bool) -> Self {
        self.options.internal_headers_everywhere = everywhere;
        self
    }

    /// Accepts authorization policies that compare the identities of callers (principals, namespaces, service accounts,
    /// trust domains), if `true`. The default is `false`: plain text has no identity, so such a policy would deny every
    /// request, or none.
    ///
    /// Set it where each server gets its connections from a listener of your own with mTLS that inserts a
    /// [`PeerIdentity`](crate::identity::PeerIdentity), or where a process has clients only; `with_certificates`
    /// (feature `mtls`) sets it.
    #[must_use]
    pub const fn with_peer_identities(mut self, known: bool) -> Self {
        self.options.peer_identities = known;
        self
    }

    /// Sets the observer of the layers' decisions. The default is [`TracingObserver`](crate::telemetry::TracingObserver).
    #[must_use]
    pub fn with_observer(mut self, observe: Arc<dyn Observe>) -> Self {
        self.options.observe = observe;
        self
    }

    /// Rejects requests for hosts that no document names with 502, as Istio's `REGISTRY_ONLY` does, if `true`.
    /// By default such requests pass untouched, as under `ALLOW_ANY`.
    #[must_use]
    pub const fn with_registry_only(mut self, registry_only: bool) -> Self {
        self.settings.registry_only = registry_only;
        self
    }

    /// Sets the resolver of DNS names, such as the hosts of a `ServiceEntry` with `resolution: DNS`. The default
    /// queries the system's name servers. The [observer](Self::with_observer) of the mesh observes the
    /// results.
    #[cfg(feature = "dns")]
    #[must_use]
    pub fn with_resolver(mut self, resolver: crate::transport::dns::Resolver) -> Self {
        self.options.resolver = Arc::new(Some(resolver).into());
        self
    }

    /// Derives all random numbers from `seed`, for tests. By default each process has a random seed.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.options.seed = Some(seed);
        self
    }

    /// Sets the policy of traces. The default is [`TracePolicy::default`]. What it leaves unset about `x-request-id`
    /// and B3 holds for hosts inside the mesh alone.
    #[must_use]
    pub fn with_trace(mut self, trace: TracePolicy) -> Self {
        self.options.trace = trace;
        self
    }

    /// Sets the trust domain of the mesh, and its former names: in authorization policies a principal of one of them,
    /// or of `cluster.local`, means all. The default is `cluster.local` alone.
    #[must_use]
    pub fn with_trust_domain<A: Into<Arc<str>>>(
        mut self,
        domain: impl Into<Arc<str>>,
        aliases: impl IntoIterator<Item = A>,
    ) -> Self {
        let authorization = std::mem::take(&mut self.options.authorization);
        self.options.authorization = authorization.with_trust_domain(domain, aliases);
        self
    }

    /// Rejects documents with a warning as documents with an error are, if `true`. The default
    /// is `false`.
    #[must_use]
    pub const fn with_warnings_as_errors(mut self, refused: bool) -> Self {
        self.load_options.warnings_are_errors = refused;
        self
    }

    /// Sets the treatment of documents with an unknown field. The default is [`FieldValidation::Warn`], so that a
    /// mesh accepts documents that are newer than this crate. The default of [`Documents`], which a linter reads,
    /// is strict.
    #[must_use]
    pub const fn with_field_validation(mut self, validation: FieldValidation) -> Self {
        self.load_options.validation = validation;
        self
    }

    /// Reads a file or a folder; see [`Mesh::from_path`].
    ///
    /// # Errors
    ///
    /// As [`Mesh::from_path`].
    pub fn read_path(self, path: impl AsRef<Path>) -> Result<Mesh, Error> {
        let documents = Documents::read_path(path.as_ref(), self.load_options.clone(), None);
        self.read(documents)
    }

    /// Reads a text; see [`Mesh::from_yaml`].
    ///
    /// # Errors
    ///
    /// As [`Mesh::from_path`].
    pub fn read_yaml(self, text: &str) -> Result<Mesh, Error> {
        let documents = Documents::read_yaml(text, self.load_options.clone(), None);
        self.read(documents)
    }

    /// Reads several files, folders and texts as one set of documents.
    ///
    /// # Errors
    ///
    /// As [`Mesh::from_path`].
    pub fn read_inputs(self, inputs: impl IntoIterator<Item = Input>) -> Result<Mesh, Error> {
        let documents = Documents::read_inputs(inputs, self.load_options.clone());
        self.read(documents)
    }

    /// Adds an extension of a tier above, and has workloads exchange their names; `cluster` is the name of the Kubernetes
    /// cluster among them.
    #[cfg(feature = "prometheus")]
    pub(crate) fn with_extension(
        mut self,
        extension: Arc<dyn MeshExtension>,
        cluster: Arc<str>,
    ) -> Self {
        self.options.extension = Some(extension);
        self.options.metadata.cluster = cluster;
        self.options.peers = Some(Arc::default());
        self
    }

    #[cfg_attr(
        not(feature = "prometheus"),
        expect(unused_mut, reason = "an extension changes the options")
    )]
    fn read(mut self, documents: Documents) -> Result<Mesh, Error> {
        #[cfg(feature = "prometheus")]
        if let Some(extension) = &self.options.extension {
            let own = Arc::clone(&self.options.observe);
            self.options.observe = Arc::new((own, extension.observer()));
        }
        let [objects, skipped] = [documents.resources().len(), documents.skipped()];
        let warnings = documents.count(Severity::Warning);
        let state = MeshState::new(documents, self.load_options, self.settings, self.options)?;
        let version = state.version();
        tracing::info!(version, objects, skipped, warnings, "mesh loaded");
        let state = Arc::new(state);
        #[cfg(feature = "prometheus")]
        if let Some(extension) = &state.options.extension {
            extension.attach(WeakMesh::new(&state));
        }
        Ok(Mesh { state })
    }
}

impl Default for MeshBuilder {
    fn default() -> Self {
        Self {
            load_options: LoadOptions {
                has_identity: false,
                validation: FieldValidation::Warn,
                ..LoadOptions::default()
            },
            options: Options::default(),
            settings: Settings::default(),
        }
    }
}
