use std::sync::Arc;

use tower_layer::Layer;

use super::service::Shared;
use super::{ConcurrencyLimit, ConcurrencyLimitPolicy, ConcurrencyLimitTicket, Wait};
use crate::foundation::admission::{Admission, Gate, Queued};
use crate::foundation::events::{Observe, TracingObserver};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::sharded_arc::{ShardedArc, ShardedArcRef};

/// Puts one limit around every service it wraps, and around any other work.
///
/// The services share it, as do the clones of this layer: axum calls [`Layer::layer`] for each
/// connection, and a limit made there would limit nothing. See the [module docs](super) for an
/// example.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimitLayer {
    shared: ShardedArc<Shared>,
}

impl ConcurrencyLimitLayer {
    /// Creates a limit that reports to the [`TracingObserver`].
    #[must_use]
    pub fn new(policy: ConcurrencyLimitPolicy) -> Self {
        Self::with_observer(policy, Arc::new(TracingObserver))
    }

    /// Creates a limit that reports to `observe`.
    #[must_use]
    pub fn with_observer(policy: ConcurrencyLimitPolicy, observe: Arc<dyn Observe>) -> Self {
        Self {
            shared: ShardedArc::new(Shared::new(policy, observe, 1)),
        }
    }

    /// Spreads the permits over so many shards, so that threads do not meet at one word: a shard for each
    /// that runs at once is enough. The default is 1, which is exact; 0 means 1. It starts anew, so set
    /// it before the layer is used.
    ///
    /// Never more are in flight than the limit says: the shards have parts of it that add up to it, and
    /// a thread that finds none left in its own takes one from another. What is given up:
    ///
    /// - A request may be turned away though a permit was free: one that was given back in a shard after
    ///   it had looked there. Without others at the same moment this does not happen.
    /// - Nobody waits: as if [`max_pending`](ConcurrencyLimitPolicy::with_max_pending) were 0, since first
    ///   come first served needs one queue.
    /// - [`in_flight`](Self::in_flight) adds up what it finds, shard after shard.
    #[must_use]
    pub fn with_shards(self, shards: u16) -> Self {
        Self {
            shared: ShardedArc::new(self.shared.reset_with(shards)),
        }
    }

    /// Replaces the policy while requests run.
    ///
    /// A higher limit lets those who wait in at once. Under a lower one, those who run finish, and those
    /// who wait keep their place and the time that they were given.
    pub fn reconfigure(&self, policy: ConcurrencyLimitPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Takes a permit, waiting for it if the policy allows; it is given back when it is dropped.
    ///
    /// # Errors
    ///
    /// [`Rejection::Overflow`] if too many run and too many wait, or if the wait took too long.
    pub async fn acquire(&self) -> Result<ConcurrencyLimitTicket, Rejection> {
        match self.shared.admit(|| self.shared.local()) {
            Admission::Admitted(permit) => Ok(permit),
            Admission::RejectedInside(_, rejection) | Admission::Rejected(rejection) => {
                Err(rejection)
            }
            Admission::Waiting(wait) => wait.await,
        }
    }

    /// Takes a permit if there is one and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`Rejection::Overflow`] otherwise.
    pub fn try_acquire(&self) -> Result<ConcurrencyLimitTicket, Rejection> {
        self.shared.try_admit(|| self.shared.local())
    }

    /// Does `work` with a permit, which is held until the work is done or dropped.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire); `work` is not called then. What the work itself returns,
    /// an error too, is in the `Ok`.
    pub async fn run<F: Future>(&self, work: impl FnOnce() -> F) -> Result<F::Output, Rejection> {
        let _permit = self.acquire().await?;
        Ok(work().await)
    }

    /// Returns what decides, to be put [together](crate::gate::GateChain) with other gates.
    #[must_use]
    pub fn gate(&self) -> ConcurrencyLimitGate {
        let shared = self.shared.shared_ref();
        ConcurrencyLimitGate { shared }
    }

    /// Returns how many permits are out.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.shared.load().in_flight
    }

    /// Returns how many wait.
    #[must_use]
    pub fn pending(&self) -> u32 {
        self.shared.load().pending
    }
}

/// Decides which requests a [`ConcurrencyLimit`] lets in.
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
}

impl<S> Layer<S> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Queued::new(inner, self.gate())
    }
}
