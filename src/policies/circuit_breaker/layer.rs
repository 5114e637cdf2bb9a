use std::sync::Arc;
use std::time::Duration;

use http::Extensions;
use tower_layer::Layer;

use super::shared::Shared;
use super::{
    CircuitBreaker, CircuitBreakerPolicy, CircuitBreakerTicket, CircuitState, Counts,
    PolicyClassifier, Run,
};
use crate::foundation::admission::{Admission, Gate, Gated, NoQueue};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{Outcome, Rejection};
use crate::foundation::sync::rng::Rng;
use crate::foundation::sync::sharded_arc::{ShardedArc, ShardedArcRef};

/// Puts one circuit breaker around every service it wraps, and is the handle of that breaker.
///
/// The services and the clones of this layer share its state: axum calls [`Layer::layer`] for each
/// connection, and a breaker created there would see the requests of one connection alone. It also
/// guards calls that are not HTTP, with [`run`](Self::run) and [`admit`](Self::admit). See the
/// [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct CircuitBreakerLayer {
    shared: ShardedArc<Shared>,
}

impl CircuitBreakerLayer {
    /// Creates a closed circuit breaker that writes its events to [`tracing`].
    #[must_use]
    pub fn new(policy: CircuitBreakerPolicy) -> Self {
        Self::with_emitter(policy, Emitter::default())
    }

    /// Creates a closed circuit breaker that reports its events to `observe`.
    #[must_use]
    pub fn with_observer(policy: CircuitBreakerPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::with_emitter(policy, Emitter::new(observe))
    }

    pub(crate) fn with_emitter(policy: CircuitBreakerPolicy, emitter: Emitter) -> Self {
        Self {
            shared: ShardedArc::new(Shared::new(policy, emitter, Rng::default())),
        }
    }

    named!(self => self.shared.emitter().clone());

    /// Creates a new circuit breaker with the same policy and observer, and random numbers from
    /// `seed`: for tests of the jitter or the recovery.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self {
            shared: ShardedArc::new(self.shared.reset_with(Rng::with_seed(seed))),
        }
    }

    /// Replaces the policy for decisions from now on; the state is kept.
    ///
    /// An open circuit stays open, but not longer than the new maximum. Consecutive failures are
    /// kept, and so are windows of the same size; a window of another size starts empty. A policy
    /// that rejects nothing, [`off`](CircuitBreakerPolicy::off) or a dry run, closes a circuit that
    /// was not opened by hand. A call that started under a policy that is off is not counted later
    /// either.
    pub fn reconfigure(&self, policy: CircuitBreakerPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> CircuitBreakerPolicy {
        self.shared.policy()
    }

    /// Admits a call, or returns the rejection.
    ///
    /// The ticket represents the call: [`CircuitBreakerTicket::settle`] it with the outcome. A
    /// ticket dropped without being settled means that the caller cancelled.
    ///
    /// # Errors
    ///
    /// A [`Rejection::CircuitOpen`] if the circuit rejects the call.
    pub fn admit(&self) -> Result<CircuitBreakerTicket, Rejection> {
        CircuitBreakerTicket::admit(&self.shared, || self.shared.local())
    }

    /// Runs `work`, unless the circuit is open.
    ///
    /// `work` is called at once to create its future, and not at all if the circuit is open. `Ok`
    /// is a success. An error is classified by
    /// [`with_error_classifier`](CircuitBreakerPolicy::with_error_classifier) or
    /// [`Outcome::of_error`], so a 404 that a client returns as an error is no failure of the
    /// upstream. A panic is a failure. The call is abandoned if the future is dropped before it
    /// completes.
    ///
    /// # Example
    ///
    /// A row that does not exist says nothing against the database:
    ///
    /// ```
    /// use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy, CircuitState};
    /// use meshless::outcome::ErrorClassifier;
    ///
    /// #[derive(Debug)]
    /// enum DatabaseError { NotFound, Unreachable }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let is_failure = |error: &DatabaseError| !matches!(error, DatabaseError::NotFound);
    /// let policy = CircuitBreakerPolicy::default()
    ///     .with_consecutive_failures(1)
    ///     .with_error_classifier(ErrorClassifier::failure_if(is_failure));
    /// let database = CircuitBreakerLayer::new(policy);
    ///
    /// let query = async || Err::<(), _>(DatabaseError::NotFound);
    /// assert!(database.run(query).await.is_err());
    /// assert_eq!(database.state(), CircuitState::Closed);
    ///
    /// let query = async || Err::<(), _>(DatabaseError::Unreachable);
    /// assert!(database.run(query).await.is_err());
    /// assert!(matches!(database.state(), CircuitState::Open { .. }));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The future fails with [`RunError::Rejected`](super::RunError) if the circuit is open, and
    /// with [`RunError::Inner`](super::RunError) if `work` failed.
    pub fn run<W, F, T, E>(&self, work: W) -> Run<F, PolicyClassifier>
    where
        W: FnOnce() -> F,
        F: Future<Output = Result<T, E>>,
        E: 'static,
    {
        Run::new(self.admit(), work, PolicyClassifier(()))
    }

    /// Runs `work`, unless the circuit is open; `classify` returns the outcome of its result.
    ///
    /// Use it where a value may carry a failure, such as a status, or where one call differs from others in the
    /// errors that are failures. The policy's classification of errors is not used.
    ///
    /// ```
    /// use meshless::circuit_breaker::CircuitBreakerLayer;
    /// use meshless::Outcome;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let breaker = CircuitBreakerLayer::default();
    /// # async fn ping() -> Result<u16, std::io::Error> { Ok(204) }
    /// let result = breaker.run_with(ping, |result| match result {
    ///     Ok(status) if *status < 500 => Outcome::SUCCESS,
    ///     Ok(_) => meshless::Failure::Other.into(),
    ///     Err(error) => Outcome::of_error(error),
    /// });
    /// assert_eq!(result.await.unwrap(), 204);
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The same as those of [`run`](Self::run).
    pub fn run_with<W, F, C, T, E>(&self, work: W, classify: C) -> Run<F, C>
    where
        W: FnOnce() -> F,
        F: Future<Output = Result<T, E>>,
        C: FnOnce(&Result<T, E>) -> Outcome,
    {
        Run::new(self.admit(), work, classify)
    }

    /// Rejects every request until [`reset`](Self::reset) or [`force_closed`](Self::force_closed),
    /// whatever time passes and also under a dry run.
    pub fn force_open(&self) {
        self.shared.force_open(None);
    }

    /// Rejects every request for this time, then probes the upstream as after any other opening:
    /// for a maintenance of known length.
    pub fn open_for(&self, open_for: Duration) {
        self.shared.force_open(Some(open_for));
    }

    /// Admits every request until [`reset`](Self::reset) or [`force_open`](Self::force_open),
    /// whatever the results. No result is counted meanwhile.
    pub fn force_closed(&self) {
        self.shared.close(true);
    }

    /// Closes the circuit, resets its counters, and returns control to the policy.
    pub fn reset(&self) {
        self.shared.close(false);
    }

    /// Returns the gate of this circuit breaker, to be [combined](crate::gate::GateChain) with
    /// other gates.
    #[must_use]
    pub fn gate(&self) -> CircuitBreakerGate {
        let shared = self.shared.shared_ref();
        CircuitBreakerGate { shared }
    }

    /// Returns the current state.
    #[must_use]
    pub fn state(&self) -> CircuitState {
        self.shared.state()
    }

    /// Returns the counts of the policy's window; all zero without a rate. The counts at the
    /// opening are kept until the circuit closes, except for calls that have left the window by
    /// then.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Returns the number of consecutive failures; 0 if the policy does not count them.
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

/// Gate of a [`CircuitBreaker`].
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

    fn write_extensions(&self, _rejection: Rejection, extensions: &mut Extensions) {
        self.shared.emitter().write_source(extensions);
    }
}
