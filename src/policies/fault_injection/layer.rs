use std::sync::Arc;

use tower_layer::Layer;

use super::gate::{FaultGate, Shared};
use super::{FaultInjection, FaultInjectionPolicy, FaultInjectionStats};
use crate::foundation::admission::Queued;
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::sync::rng::Rng;

/// Injects faults into every service that it wraps.
///
/// The services and the clones of this layer share its random number generator and its counters.
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct FaultInjectionLayer {
    shared: Arc<Shared>,
}

impl FaultInjectionLayer {
    /// Creates a layer with `policy`, whose aborts are written to [`tracing`].
    #[must_use]
    pub fn new(policy: FaultInjectionPolicy) -> Self {
        Self::from_parts(policy, Emitter::default(), Rng::default())
    }

    /// Creates a layer that reports to `observe`.
    #[must_use]
    pub fn with_observer(policy: FaultInjectionPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::from_parts(policy, Emitter::new(observe), Rng::default())
    }

    named!(self => self.shared.emitter().clone());

    /// Creates a layer whose random decisions follow from `seed`, so that a test is repeatable.
    #[must_use]
    pub fn with_seed(policy: FaultInjectionPolicy, seed: u64) -> Self {
        Self::from_parts(policy, Emitter::default(), Rng::with_seed(seed))
    }

    /// Replaces the policy for requests that start from now on.
    pub fn reconfigure(&self, policy: FaultInjectionPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> FaultInjectionPolicy {
        self.shared.policy()
    }

    /// Returns the number of faults so far.
    #[must_use]
    pub fn stats(&self) -> FaultInjectionStats {
        self.shared.stats()
    }

    /// Returns the gate of this layer, to be [chained](crate::gate::GateChain) with other gates.
    #[must_use]
    pub fn gate(&self) -> FaultGate {
        FaultGate::new(Arc::clone(&self.shared))
    }

    pub(crate) fn from_parts(policy: FaultInjectionPolicy, emitter: Emitter, rng: Rng) -> Self {
        Self {
            shared: Arc::new(Shared::new(policy, emitter, rng)),
        }
    }
}

impl<S> Layer<S> for FaultInjectionLayer {
    type Service = FaultInjection<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Queued::new(inner, self.gate())
    }
}
