use std::sync::Arc;

use tower_layer::Layer;

use super::service::Shared;
use super::{ConcurrencyLimit, ConcurrencyLimitPolicy, ConcurrencyLimitTicket, Wait};
use http::Extensions;

use crate::foundation::admission::{Admission, Gate, Queued};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::sharded_arc::{ShardedArc, ShardedArcRef};

/// Puts one concurrency limit around every service it wraps, and around any other work.
///
/// The services and the clones of this layer share the limit: axum calls [`Layer::layer`] for each
/// connection, and a limit created there would apply to one connection alone. See the [module
/// docs](super) for an example.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimitLayer {
    shared: ShardedArc<Shared>,
}

impl ConcurrencyLimitLayer {
    /// Creates a limit that reports its events to the
    /// [`TracingObserver`](crate::telemetry::TracingObserver).
    #[must_use]
    pub fn new(policy: ConcurrencyLimitPolicy) -> Self {
        Self::with_emitter(policy, Emitter::default())
    }

    /// Creates a limit that reports its events to `observe`.
    #[must_use]
    pub fn with_observer(policy: ConcurrencyLimitPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::with_emitter(policy, Emitter::new(observe))
    }

    pub(crate) fn with_emitter(policy: ConcurrencyLimitPolicy, emitter: Emitter) -> Self {
        Self {
            shared: ShardedArc::new(Shared::new(policy, emitter, 1)),
        }
    }

    named!(self => self.shared.emitter().clone());

    /// Distributes the permits over this many shards, so that threads do not contend for one word;
    /// a shard for each thread that runs in parallel is enough. The default is 1, which is exact; 0
    /// means 1. The count of requests in flight is reset, so set it before the layer is used.
    ///
    /// The limit is never exceeded: each shard has a part of it, the parts add up to it, and a
    /// thread whose own shard is exhausted takes a permit from another. The costs:
    ///
    /// - A request may be rejected although a permit was free: one released in a shard that it had
    ///   just found exhausted. Without concurrent requests this does not happen.
    /// - Requests are never queued, as if [`max_pending`](ConcurrencyLimitPolicy::with_max_pending)
    ///   were 0: first come, first served needs one queue.
    /// - [`in_flight`](Self::in_flight) adds up the shards one after the other.
    #[must_use]
    pub fn with_shards(self, shards: u16) -> Self {
        Self {
            shared: ShardedArc::new(self.shared.reset_with(shards)),
        }
    }

    /// Replaces the policy while requests run.
    ///
    /// A higher limit admits waiting requests at once. Under a lower one, requests in flight
    /// complete, and waiting ones keep their place and their maximum wait.
    pub fn reconfigure(&self, policy: ConcurrencyLimitPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> ConcurrencyLimitPolicy {
        self.shared.policy()
    }

    /// Acquires a permit, waiting for it if the policy allows; dropping the ticket releases it.
    ///
    /// # Errors
    ///
    /// [`Rejection::Overflow`] if the limit and the queue are full, or if the wait took too long.
    pub async fn acquire(&self) -> Result<ConcurrencyLimitTicket, Rejection> {
        match self.shared.admit(|| self.shared.local()) {
            Admission::Admitted(permit) => Ok(permit),
            Admission::RejectedInside(_, rejection) | Admission::Rejected(rejection) => {
                Err(rejection)
            }
            Admission::Waiting(wait) => wait.await,
        }
    }

    /// Acquires a permit if one is free and no request waits for it.
    ///
    /// # Errors
    ///
    /// [`Rejection::Overflow`] otherwise.
    pub fn try_acquire(&self) -> Result<ConcurrencyLimitTicket, Rejection> {
        self.shared.try_admit(|| self.shared.local())
    }

    /// Runs `work` with a permit, which is held until the work completes or is dropped.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire), in which case `work` is not called. The result of the
    /// work, even an error, is in the `Ok`.
    pub async fn run<F: Future>(&self, work: impl FnOnce() -> F) -> Result<F::Output, Rejection> {
        let _permit = self.acquire().await?;
        Ok(work().await)
    }

    /// Returns the gate of this limit, to be [combined](crate::gate::GateChain) with other gates.
    #[must_use]
    pub fn gate(&self) -> ConcurrencyLimitGate {
        let shared = self.shared.shared_ref();
        ConcurrencyLimitGate { shared }
    }

    /// Returns the number of permits in use.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.shared.load().in_flight
    }

    /// Returns the number of waiting requests.
    #[must_use]
    pub fn pending(&self) -> u32 {
        self.shared.load().pending
    }
}

/// Gate of a [`ConcurrencyLimit`].
#[derive(Clone, Debug)]
pub struct ConcurrencyLimitGate {
    shared: ShardedArcRef<Shared>,
}

impl Gate for ConcurrencyLimitGate {
    type Ticket = ConcurrencyLimitTicket;
    type Wait = Wait;

    #[inline]
    fn admit(&self, _head: RequestHead<'_>) -> Admission<ConcurrencyLimitTicket, Wait> {
        self.shared.admit(|| self.shared.local())
    }

    fn write_extensions(&self, _rejection: Rejection, extensions: &mut Extensions) {
        self.shared.emitter().write_source(extensions);
    }
}

impl<S> Layer<S> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Queued::new(inner, self.gate())
    }
}
