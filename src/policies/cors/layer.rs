use std::sync::Arc;

use tower_layer::Layer;

use super::gate::CorsGate;
use super::{Cors, CorsPolicy};
use crate::foundation::admission::Gated;
use crate::foundation::sync::Switchable;

/// Adds headers of CORS to responses, and answers preflights.
///
/// The services and the clones of this layer share its policy. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct CorsLayer {
    policy: Arc<Switchable<CorsPolicy>>,
}

impl CorsLayer {
    /// Creates a layer with `policy`.
    #[must_use]
    pub fn new(policy: CorsPolicy) -> Self {
        Self {
            policy: Arc::new(Switchable::new(policy, CorsPolicy::is_off)),
        }
    }

    /// Replaces the policy for requests that start from now on.
    pub fn reconfigure(&self, policy: CorsPolicy) {
        self.policy.replace(|_| policy, CorsPolicy::is_off);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> CorsPolicy {
        self.policy.current()
    }

    /// Returns the gate of this layer, to be [chained](crate::gate::GateChain) with other gates.
    #[must_use]
    pub fn gate(&self) -> CorsGate {
        CorsGate::new(Arc::clone(&self.policy))
    }
}

impl<S> Layer<S> for CorsLayer {
    type Service = Cors<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.gate())
    }
}
