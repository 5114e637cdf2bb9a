use std::sync::Arc;
use std::sync::atomic::Ordering;

use tower_layer::Layer;

use super::gate::JwtGate;
use super::shared::Shared;
use super::{Authenticate, Jwt, JwtPolicy, JwtStats};
use crate::foundation::admission::Queued;
use crate::foundation::events::{Emitter, Observe, named};

/// Checks the tokens of requests before every service that it wraps.
///
/// The services and the clones of this layer share the remembered tokens and the keys. See the [module docs](super) for
/// an example.
#[derive(Clone, Debug)]
pub struct JwtLayer {
    shared: Arc<Shared>,
}

impl JwtLayer {
    /// Creates a layer with `policy`, whose refusals are written to [`tracing`].
    #[must_use]
    pub fn new(policy: JwtPolicy) -> Self {
        Self::with_emitter(policy, Emitter::default())
    }

    /// Creates a layer that reports to `observe`.
    #[must_use]
    pub fn with_observer(policy: JwtPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::with_emitter(policy, Emitter::new(observe))
    }

    named!(self => self.shared.emitter.clone());

    /// Replaces the policy for requests that start from now on. Remembered tokens are forgotten; a
    /// [`JwksSource`](super::JwksSource) keeps its keys.
    pub fn reconfigure(&self, policy: JwtPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> JwtPolicy {
        self.shared.compiled.load().policy.clone()
    }

    /// Returns the statistics so far.
    #[must_use]
    pub fn stats(&self) -> JwtStats {
        JwtStats {
            cached: self.shared.compiled.load().cached(),
            // Relaxed: statistics only.
            refused: self.shared.refused.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn with_emitter(policy: JwtPolicy, emitter: Emitter) -> Self {
        Self {
            shared: Arc::new(Shared::new(policy, emitter)),
        }
    }

    /// Puts the check of tokens around a service that has the [gate](Self::gate) in it.
    pub(crate) fn authenticate<S>(&self, inner: S) -> Authenticate<S> {
        Authenticate::new(inner, Arc::clone(&self.shared))
    }

    /// Returns the gate that answers what was refused.
    pub(crate) fn gate(&self) -> JwtGate {
        JwtGate::new(self.shared.emitter.clone())
    }
}

impl<S> Layer<S> for JwtLayer {
    type Service = Jwt<S>;

    fn layer(&self, inner: S) -> Self::Service {
        self.authenticate(Queued::new(inner, self.gate()))
    }
}
