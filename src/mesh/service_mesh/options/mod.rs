//! Options of a mesh, and what belongs to it as a whole.

#[cfg(feature = "hyper")]
pub(crate) mod tunnel;
#[cfg(not(feature = "hyper"))]
#[path = "no_tunnel.rs"]
pub(crate) mod tunnel;

use std::sync::Arc;

use crate::foundation::events::{Observe, TracingObserver};
use crate::foundation::sync::hash::hash;
use crate::foundation::sync::rng::{Rng, mix};
use crate::istio::config::Location;
use crate::policies::authorization::AuthorizationPolicies;
use crate::policies::telemetry::TracePolicy;

/// Options that all parts of a mesh share.
#[derive(Clone, Debug)]
pub(in crate::mesh) struct Options {
    /// Trust domains and external authorizers of the policies, and no policy.
    pub(in crate::mesh) authorization: AuthorizationPolicies,
    /// True if Envoy's behaviour replaces this crate's own where the two differ.
    pub(in crate::mesh) envoy_behaviour: bool,
    /// True if headers for services of the mesh go to all hosts.
    pub(in crate::mesh) internal_headers_everywhere: bool,
    pub(in crate::mesh) observe: Arc<dyn Observe>,
    /// True if the servers know the identities of their peers.
    pub(in crate::mesh) peer_identities: bool,
    /// Resolver of DNS names: the given one, or the system's, created on first use.
    #[cfg(feature = "dns")]
    pub(in crate::mesh) resolver: Arc<std::sync::OnceLock<Option<crate::transport::dns::Resolver>>>,
    pub(in crate::mesh) seed: Option<u64>,
    pub(in crate::mesh) trace: TracePolicy,
    #[cfg(feature = "hyper")]
    pub(in crate::mesh) tunnels: tunnel::Tunnels,
}

impl Options {
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
            envoy_behaviour: false,
            internal_headers_everywhere: false,
            observe: Arc::new(TracingObserver),
            peer_identities: false,
            #[cfg(feature = "dns")]
            resolver: Arc::default(),
            seed: None,
            trace: TracePolicy::default(),
            #[cfg(feature = "hyper")]
            tunnels: tunnel::Tunnels::default(),
        }
    }
}
