use std::sync::Arc;
use std::time::Duration;

use tower_layer::Layer;

use super::shared::Shared;
use super::{
    CircuitBreaker, CircuitBreakerPolicy, CircuitBreakerTicket, CircuitState, Counts, Run,
};
use crate::foundation::admission::{Admission, Gate, Gated, NoQueue};
use crate::foundation::events::{Observe, TracingObserver};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{Outcome, Rejection};
use crate::foundation::sync::rng::Rng;
use crate::foundation::sync::sharded_arc::{ShardedArc, ShardedArcRef};

/// Puts one circuit breaker around every service it wraps, and is the handle to it.
///
/// The services share its state, as do the clones of this layer: axum calls [`Layer::layer`] for
/// each connection, and a breaker made there would never see two requests. It guards calls that are
/// not HTTP as well, with [`run`](Self::run) and [`admit`](Self::admit). See the
/// [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct CircuitBreakerLayer {
    shared: ShardedArc<Shared>,
}

impl CircuitBreakerLayer {
    /// Creates a circuit breaker that starts closed, and writes what it does to [`tracing`].
    #[must_use]
    pub fn new(policy: CircuitBreakerPolicy) -> Self {
        Self::with_observer(policy, Arc::new(TracingObserver))
    }

    /// Creates a circuit breaker that reports to `observe`.
    #[must_use]
    pub fn with_observer(policy: CircuitBreakerPolicy, observe: Arc<dyn Observe>) -> Self {
        Self {
            shared: ShardedArc::new(Shared::new(policy, observe, Rng::default())),
        }
    }

    /// Creates another circuit breaker with this one's policy and observer, whose chance follows
    /// from `seed`: for tests that look at the jitter or at the recovery.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self {
            shared: ShardedArc::new(self.shared.reset_with(Rng::with_seed(seed))),
        }
    }

    /// Replaces the policy for decisions from now on; the state stays.
    ///
    /// An open circuit stays open, though not for longer than the new maximum. Failures in a row
    /// and windows of the same size are kept; a window of another size begins anew. A policy that
    /// refuses nothing, [`off`](CircuitBreakerPolicy::off) or a dry run, closes a circuit that was
    /// not opened by hand. A call that went out while nothing was counted, under a policy that is
    /// off, does not count later either.
    pub fn reconfigure(&self, policy: CircuitBreakerPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Lets a call go on, or says why not.
    ///
    /// The ticket stands for the call: [`CircuitBreakerTicket::settle`] it with what became of it. A ticket that
    /// is dropped instead means that the caller went away.
    ///
    /// # Errors
    ///
    /// A [`Rejection::CircuitOpen`] if the call must not be made.
    pub fn admit(&self) -> Result<CircuitBreakerTicket, Rejection> {
        CircuitBreakerTicket::admit(&self.shared, || self.shared.local())
    }

    /// Does `work`, unless the circuit is open.
    ///
    /// `work` is asked for its future at once, and not at all if the circuit is open. `Ok` is a
    /// success. An error is what [`with_error_classifier`](CircuitBreakerPolicy::with_error_classifier) or
    /// [`Outcome::of_error`] makes of it, so a 404 that a client returns as an error is none of the
    /// upstream's. A panic counts as a failure. The call is abandoned if the future is dropped
    /// before it is done.
    ///
    /// # Errors
    ///
    /// The future fails with [`RunError::Rejected`](super::RunError) if the circuit is open, and
    /// with [`RunError::Inner`](super::RunError) if `work` failed.
    pub fn run<W, F, T, E>(&self, work: W) -> Run<F, fn(&T) -> Outcome>
    where
        W: FnOnce() -> F,
        F: Future<Output = Result<T, E>>,
        E: 'static,
    {
        self.run_with(work, |_| Outcome::SUCCESS)
    }

    /// Does `work`, unless the circuit is open; `outcome` says what a value means that is `Ok`.
    ///
    /// Use it where the answer may carry a failure inside, such as a status.
    ///
    /// # Errors
    ///
    /// The same as those of [`run`](Self::run).
    pub fn run_with<W, F, C, T, E>(&self, work: W, outcome: C) -> Run<F, C>
    where
        W: FnOnce() -> F,
        F: Future<Output = Result<T, E>>,
        C: FnOnce(&T) -> Outcome,
        E: 'static,
    {
        Run::new(self.admit(), work, outcome)
    }

    /// Keeps every request away, until [`reset`](Self::reset) or
    /// [`force_closed`](Self::force_closed). Neither time nor a dry run ends it.
    pub fn force_open(&self) {
        self.shared.force_open(None);
    }

    /// Keeps every request away for so long, and then tries the upstream as after any other
    /// opening: for a maintenance whose length is known.
    pub fn open_for(&self, open_for: Duration) {
        self.shared.force_open(Some(open_for));
    }

    /// Lets every request through whatever happens, until [`reset`](Self::reset) or
    /// [`force_open`](Self::force_open). Nothing is counted meanwhile.
    pub fn force_closed(&self) {
        self.shared.close(true);
    }

    /// Closes the circuit, forgets all that was counted, and leaves it to the policy again.
    pub fn reset(&self) {
        self.shared.close(false);
    }

    /// Returns what decides, to be put [together](crate::gate::GateChain) with other gates.
    #[must_use]
    pub fn gate(&self) -> CircuitBreakerGate {
        let shared = self.shared.shared_ref();
        CircuitBreakerGate { shared }
    }

    /// Returns where the circuit is.
    #[must_use]
    pub fn state(&self) -> CircuitState {
        self.shared.state()
    }

    /// Returns what the window of the policy's rates holds: nothing if it has no rates. What it
    /// held when the circuit opened stays until it closes, as far as it is not too old by then.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Returns how many calls failed in a row; 0 if the policy does not ask.
    #[must_use]
    pub fn consecutive_failures(&self) -> u32 {
        self.shared.streak()
    }
}

impl Default for CircuitBreakerLayer {
    fn default() -> Self {
        Self::new(CircuitBreakerPolicy::default())
    }
}

impl<S> Layer<S> for CircuitBreakerLayer {
    type Service = CircuitBreaker<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.gate())
    }
}

/// Decides which requests a [`CircuitBreaker`] lets through.
#[derive(Clone, Debug)]
pub struct CircuitBreakerGate {
    shared: ShardedArcRef<Shared>,
}

impl Gate for CircuitBreakerGate {
    type Ticket = CircuitBreakerTicket;
    type Wait = NoQueue<CircuitBreakerTicket>;

    #[inline]
    fn admit(&self, _head: RequestHead<'_>) -> Admission<CircuitBreakerTicket, Self::Wait> {
        match CircuitBreakerTicket::admit(&self.shared, || self.shared.local()) {
            Ok(ticket) => Admission::Admitted(ticket),
            Err(rejection) => Admission::Rejected(rejection),
        }
    }
}
