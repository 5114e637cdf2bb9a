//! Options of a mesh, and what belongs to it as a whole.

#[cfg(feature = "prometheus")]
pub(crate) mod extension;
#[cfg(feature = "hyper")]
pub(crate) mod tunnel;
#[cfg(not(feature = "hyper"))]
#[path = "no_tunnel.rs"]
pub(crate) mod tunnel;

use std::sync::Arc;

use crate::foundation::events::JoinedObservers;
use crate::foundation::events::{Observe, TracingObserver};
use crate::foundation::outcome::WorkloadMetadata;
use crate::foundation::peer::{PeerExchange, PeerTable};
use crate::foundation::sync::hash::hash;
use crate::foundation::sync::rng::{Rng, mix};
use crate::istio::config::{Location, WorkloadId};
use crate::policies::authorization::AuthorizationPolicies;
use crate::policies::telemetry::TracePolicy;

/// Options that all parts of a mesh share.
#[derive(Clone, Debug)]
pub(in crate::mesh) struct Options {
    /// Trust domains and external authorizers of the policies, and no policy.
    pub(in crate::mesh) authorization: AuthorizationPolicies,
    /// Certificates of the workloads of this process.
    #[cfg(feature = "mtls")]
    pub(in crate::mesh) certificates: Option<crate::transport::mtls::Certificates>,
    /// True if Envoy's behaviour replaces this crate's own where the two differ.
    pub(in crate::mesh) envoy_behaviour: bool,
    /// Extension by a tier above.
    #[cfg(feature = "prometheus")]
    pub(in crate::mesh) extension: Option<Arc<dyn extension::MeshExtension>>,
    /// True if headers for services of the mesh go to all hosts.
    pub(in crate::mesh) internal_headers_everywhere: bool,
    /// Metadata that all workloads of the mesh have in common.
    pub(in crate::mesh) metadata: MeshMetadata,
    pub(in crate::mesh) observe: Arc<dyn Observe>,
    /// True if the servers know the identities of their peers.
    pub(in crate::mesh) peer_identities: bool,
    /// Known workloads at other ends; none if names are not exchanged.
    pub(in crate::mesh) peers: Option<Arc<PeerTable>>,
    /// Resolver of DNS names: the given one, or the system's, created on first use.
    #[cfg(feature = "dns")]
    pub(in crate::mesh) resolver: Arc<std::sync::OnceLock<Option<crate::transport::dns::Resolver>>>,
    pub(in crate::mesh) seed: Option<u64>,
    pub(in crate::mesh) trace: TracePolicy,
    #[cfg(feature = "hyper")]
    pub(in crate::mesh) tunnels: tunnel::Tunnels,
}

/// Metadata that all workloads of a mesh have in common.
#[derive(Clone, Debug)]
pub(in crate::mesh) struct MeshMetadata {
    /// Name of the Kubernetes cluster.
    pub(in crate::mesh) cluster: Arc<str>,
    /// Domain in which the full names of services end.
    pub(in crate::mesh) domain: Arc<str>,
}

impl MeshMetadata {
    /// Returns the metadata of a workload.
    fn of(&self, workload: &WorkloadId) -> WorkloadMetadata {
        let WorkloadId {
            labels,
            name,
            namespace,
        } = workload;
        let service = format!("{name}.{namespace}.svc.{}", self.domain);
        let label = |name: &str| labels.get(name).map(String::as_str);
        WorkloadMetadata::new(Arc::clone(name), Arc::clone(namespace), label)
            .with_cluster(Arc::clone(&self.cluster))
            .with_service(service)
    }
}

/// Istio's names: that of a mesh with a single cluster, and Kubernetes' domain.
impl Default for MeshMetadata {
    fn default() -> Self {
        Self {
            cluster: "Kubernetes".into(),
            domain: "cluster.local".into(),
        }
    }
}

impl Options {
    /// Lets observers join later, beside the one that is set.
    pub(in crate::mesh) fn with_joined_observers(mut self) -> (Arc<JoinedObservers>, Self) {
        let joined = Arc::new(JoinedObservers::default());
        self.observe = Arc::new((self.observe, Arc::clone(&joined)));
        (joined, self)
    }

    /// Returns the metadata of a workload.
    pub(in crate::mesh) fn metadata_of(&self, workload: &WorkloadId) -> Arc<WorkloadMetadata> {
        Arc::new(self.metadata.of(workload))
    }

    /// Returns the exchange of a workload's names, if names are exchanged.
    pub(in crate::mesh) fn exchange(&self, own: &WorkloadMetadata) -> Option<Arc<PeerExchange>> {
        let table = Arc::clone(self.peers.as_ref()?);
        PeerExchange::new(own, table).map(Arc::new)
    }

    /// Returns the seed of one part, another one for each `part`.
    pub(in crate::mesh) fn seed(&self, part: &str) -> Option<u64> {
        self.seed.map(|seed| mix(seed ^ hash(part.as_bytes())))
    }

    /// Returns the place of a cluster, as far as its headers depend on it.
    pub(in crate::mesh) const fn location(&self, documented: Location) -> Location {
        if self.internal_headers_everywhere {
            Location::Internal
        } else {
            documented
        }
    }

    pub(in crate::mesh) fn rng(&self, part: &str) -> Rng {
        self.seed(part).map_or_else(Rng::default, Rng::with_seed)
    }

    #[cfg(feature = "dns")]
    pub(in crate::mesh) fn resolver(&self) -> Option<crate::transport::dns::Resolver> {
        let system = || {
            let resolver = crate::transport::dns::Resolver::system(
                crate::transport::dns::DnsPolicy::default(),
            );
            let resolver =
                resolver.inspect_err(|error| tracing::warn!("DNS is unavailable: {error}"));
            resolver.ok()
        };
        self.resolver.get_or_init(system).clone()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            authorization: AuthorizationPolicies::default(),
            #[cfg(feature = "mtls")]
            certificates: None,
            envoy_behaviour: false,
            #[cfg(feature = "prometheus")]
            extension: None,
            internal_headers_everywhere: false,
            metadata: MeshMetadata::default(),
            observe: Arc::new(TracingObserver),
            peer_identities: false,
            peers: None,
            #[cfg(feature = "dns")]
            resolver: Arc::default(),
            seed: None,
            trace: TracePolicy::default(),
            #[cfg(feature = "hyper")]
            tunnels: tunnel::Tunnels::default(),
        }
    }
}
