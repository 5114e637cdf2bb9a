use std::sync::Arc;

use http::Extensions;
use tower_layer::Layer;

use super::shared::Shared;
use super::{AdaptiveConcurrencyPolicy, AdaptiveConcurrencyTicket, LimitState};
use crate::foundation::admission::{Admission, Gate, Gated, GatedFuture, NoQueue};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::sharded_arc::{ShardedArc, ShardedArcRef};

/// Rejects requests over a limit that adapts to the latency of the upstream.
///
/// See the [module docs](super) for an example.
pub type AdaptiveConcurrency<S> = Gated<S, AdaptiveConcurrencyGate>;

/// Response future of [`AdaptiveConcurrency`].
pub type AdaptiveConcurrencyFuture<F> = GatedFuture<F, AdaptiveConcurrencyTicket>;

/// Puts one adaptive limit around every service it wraps, and around any other work.
///
/// The services and the clones of this layer share the limit. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct AdaptiveConcurrencyLayer {
    shared: ShardedArc<Shared>,
}

impl AdaptiveConcurrencyLayer {
    /// Creates a limit that reports its events to the [`TracingObserver`](crate::telemetry::TracingObserver).
    #[must_use]
    pub fn new(policy: AdaptiveConcurrencyPolicy) -> Self {
        Self::with_emitter(policy, Emitter::default())
    }

    /// Creates a limit that reports its events to `observe`.
    #[must_use]
    pub fn with_observer(policy: AdaptiveConcurrencyPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::with_emitter(policy, Emitter::new(observe))
    }

    fn with_emitter(policy: AdaptiveConcurrencyPolicy, emitter: Emitter) -> Self {
        Self {
            shared: ShardedArc::new(Shared::new(policy, emitter)),
        }
    }

    named!(self => self.shared.emitter().clone());

    /// Replaces the policy while requests run.
    ///
    /// The current limit is kept within the new bounds, and what was learned about latencies with the same algorithm.
    /// Requests in flight complete.
    pub fn reconfigure(&self, policy: AdaptiveConcurrencyPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> AdaptiveConcurrencyPolicy {
        self.shared.policy()
    }

    /// Admits work of any kind: [`settle`](AdaptiveConcurrencyTicket::settle) the ticket with its outcome.
    ///
    /// # Errors
    ///
    /// [`Rejection::Overflow`] if the limit is reached.
    pub fn admit(&self) -> Result<AdaptiveConcurrencyTicket, Rejection> {
        AdaptiveConcurrencyTicket::admit(&self.shared, || self.shared.local())
    }

    /// Returns the gate of this limit, to be [combined](crate::gate::GateChain) with other gates.
    #[must_use]
    pub fn gate(&self) -> AdaptiveConcurrencyGate {
        let shared = self.shared.shared_ref();
        AdaptiveConcurrencyGate { shared }
    }

    /// Returns the limit with what has led to it.
    #[must_use]
    pub fn state(&self) -> LimitState {
        self.shared.state()
    }
}

impl Default for AdaptiveConcurrencyLayer {
    fn default() -> Self {
        Self::new(AdaptiveConcurrencyPolicy::default())
    }
}

impl<S> Layer<S> for AdaptiveConcurrencyLayer {
    type Service = AdaptiveConcurrency<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.gate())
    }
}

/// Gate of an [`AdaptiveConcurrency`].
#[derive(Clone, Debug)]
pub struct AdaptiveConcurrencyGate {
    shared: ShardedArcRef<Shared>,
}

impl Gate for AdaptiveConcurrencyGate {
    type Ticket = AdaptiveConcurrencyTicket;
    type Wait = NoQueue<AdaptiveConcurrencyTicket>;

    #[inline]
    fn admit(&self, head: RequestHead<'_>) -> Admission<Self::Ticket, Self::Wait> {
        if !self.shared.is_off() && self.shared.with_policy(|policy| policy.excludes(head)) {
            return Admission::Admitted(AdaptiveConcurrencyTicket::unlimited());
        }
        match AdaptiveConcurrencyTicket::admit(&self.shared, || self.shared.local()) {
            Ok(ticket) => Admission::Admitted(ticket),
            Err(rejection) => Admission::Rejected(rejection),
        }
    }

    fn write_extensions(&self, _rejection: Rejection, extensions: &mut Extensions) {
        self.shared.emitter().write_source(extensions);
    }
}
