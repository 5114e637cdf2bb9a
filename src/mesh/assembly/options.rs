use std::sync::Arc;

use crate::base::hash::hash;
use crate::base::rng::{Rng, mix};
use crate::telemetry::TracePolicy;
use crate::{Observe, TracingObserver};

/// What all parts of a mesh are made with.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// Whether Envoy's answer counts where this crate chose another.
    pub(super) envoy_behaviour: bool,
    pub(super) observe: Arc<dyn Observe>,
    /// Who asks for names: the system's, made when it is first needed, or as it was given.
    #[cfg(feature = "dns")]
    pub(super) resolver: Arc<std::sync::OnceLock<Option<crate::dns::Resolver>>>,
    pub(super) seed: Option<u64>,
    pub(super) trace: TracePolicy,
    #[cfg(feature = "hyper")]
    pub(super) tunnels: super::tunnel::Tunnels,
}

impl Options {
    /// Returns the seed of one part, another one for each `part`.
    pub(super) fn seed(&self, part: &str) -> Option<u64> {
        self.seed.map(|seed| mix(seed ^ hash(part.as_bytes())))
    }

    pub(super) fn rng(&self, part: &str) -> Rng {
        self.seed(part).map_or_else(Rng::default, Rng::with_seed)
    }

    #[cfg(feature = "dns")]
    pub(super) fn resolver(&self) -> Option<crate::dns::Resolver> {
        let system = || {
            let resolver = crate::dns::Resolver::system(crate::dns::DnsPolicy::default());
            let resolver = resolver.inspect_err(|error| tracing::warn!("no names: {error}"));
            resolver.ok()
        };
        let resolver = self.resolver.get_or_init(system).clone();
        resolver.map(|resolver| resolver.with_observer(Arc::clone(&self.observe)))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            envoy_behaviour: false,
            observe: Arc::new(TracingObserver),
            #[cfg(feature = "dns")]
            resolver: Arc::default(),
            seed: None,
            trace: TracePolicy::default(),
            #[cfg(feature = "hyper")]
            tunnels: super::tunnel::Tunnels::default(),
        }
    }
}
