use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::service::Shared;
use super::{CopyBody, Mirror, MirrorPolicy, MirrorStats, TeeBody};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::sync::rng::Rng;

/// Mirrors requests of every service that it wraps to another service.
///
/// The services and the clones of this layer share its policy, limits and counters; when the last
/// of them is dropped, the copies in flight are cancelled. See the [module docs](super) for an
/// example.
pub struct MirrorLayer<M> {
    shared: Arc<Shared<M>>,
}

impl<M> MirrorLayer<M> {
    /// Creates a layer that mirrors requests to `service` by `policy`.
    #[must_use]
    pub fn new(policy: MirrorPolicy, service: M) -> Self {
        Self::from_parts(policy, service, Emitter::default(), Rng::default())
    }

    /// Creates a layer that reports dropped and failed copies to `observe`.
    #[must_use]
    pub fn with_observer(policy: MirrorPolicy, service: M, observe: Arc<dyn Observe>) -> Self {
        Self::from_parts(policy, service, Emitter::new(observe), Rng::default())
    }

    named!(self => self.shared.emitter().clone());

    /// Creates a layer whose random choices follow from `seed`, so that a test is repeatable.
    #[must_use]
    pub fn with_seed(policy: MirrorPolicy, service: M, seed: u64) -> Self {
        Self::from_parts(policy, service, Emitter::default(), Rng::with_seed(seed))
    }

    /// Replaces the policy for requests that start from now on; copies in flight keep theirs.
    pub fn reconfigure(&self, policy: MirrorPolicy) {
        self.shared.reconfigure(policy);
    }

    /// Returns the current policy: that of the last [`reconfigure`](Self::reconfigure), or else the first one.
    #[must_use]
    pub fn policy(&self) -> MirrorPolicy {
        self.shared.policy()
    }

    /// Returns the statistics of the copies so far.
    #[must_use]
    pub fn stats(&self) -> MirrorStats {
        self.shared.stats()
    }

    /// Starts the copy of a request, if it is chosen for one.
    pub(crate) fn copy<B, C>(&self, request: Request<B>) -> Request<TeeBody<B>>
    where
        M: Service<Request<CopyBody>, Response = Response<C>> + Clone + Send + Sync + 'static,
        M::Error: Send + 'static,
        M::Future: Send,
        B: Body,
        C: Body + Send + 'static,
    {
        self.shared.copy(request)
    }

    pub(crate) fn from_parts(policy: MirrorPolicy, service: M, emitter: Emitter, rng: Rng) -> Self {
        Self {
            shared: Arc::new(Shared::new(policy, service, emitter, rng)),
        }
    }
}

impl<M> Clone for MirrorLayer<M> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<M> Debug for MirrorLayer<M> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("MirrorLayer")
            .field("shared", &self.shared)
            .finish()
    }
}

impl<S, M> Layer<S> for MirrorLayer<M> {
    type Service = Mirror<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        Mirror::new(inner, self.clone())
    }
}
