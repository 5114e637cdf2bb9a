use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, header};
use http_body::Body;
use tokio::runtime::Handle;
use tower_service::Service;

use super::copy::cancellation::Cancellation;
use super::copy::pipe::Pipe;
use super::counts::{CopyPermit, Counts};
use super::machine::chooses;
use super::task::CopyTask;
use super::{CopyBody, MirrorLayer, MirrorPolicy, MirrorStats, TeeBody, head};
use crate::foundation::events::Emitter;
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::MirrorDropReason;
use crate::foundation::sync::rng::Rng;
use crate::foundation::sync::{Reloadable, TaskOwner};

/// Mirrors requests to another service.
///
/// The inner service takes requests with a [`TeeBody`], and its response is forwarded as it is. See the
/// [module docs](super) for an example.
pub struct Mirror<S, M> {
    inner: S,
    layer: MirrorLayer<M>,
}

impl<S, M> Mirror<S, M> {
    pub(super) const fn new(inner: S, layer: MirrorLayer<M>) -> Self {
        Self { inner, layer }
    }
}

impl<S: Clone, M> Clone for Mirror<S, M> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<S: Debug, M> Debug for Mirror<S, M> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}

impl<S, M, B, C> Service<Request<B>> for Mirror<S, M>
where
    S: Service<Request<TeeBody<B>>>,
    M: Service<Request<CopyBody>, Response = Response<C>> + Clone + Send + Sync + 'static,
    M::Error: Send + 'static,
    M::Future: Send,
    B: Body,
    C: Body + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let request = self.layer.copy(request);
        self.inner.call(request)
    }
}

/// State that all clones of a layer share; copies in flight are cancelled when it is dropped.
pub(super) struct Shared<M> {
    counts: Arc<Counts>,
    rng: Rng,
    policy: Reloadable<MirrorPolicy>,
    service: Arc<M>,
    /// Owner of the copies in flight.
    owner: TaskOwner,
}

impl<M> Shared<M> {
    pub(super) fn new(policy: MirrorPolicy, service: M, emitter: Emitter, rng: Rng) -> Self {
        Self {
            counts: Arc::new(Counts::new(emitter)),
            rng,
            policy: Reloadable::new(policy),
            service: Arc::new(service),
            owner: TaskOwner::default(),
        }
    }

    pub(super) fn emitter(&self) -> &Emitter {
        self.counts.emitter()
    }

    pub(super) fn reconfigure(&self, policy: MirrorPolicy) {
        self.policy.store(policy);
    }

    /// Returns the current policy.
    pub(super) fn policy(&self) -> MirrorPolicy {
        self.policy.current()
    }

    pub(super) fn stats(&self) -> MirrorStats {
        self.counts.stats()
    }

    /// Starts the copy of a request, if it is chosen for one.
    pub(super) fn copy<B, C>(&self, request: Request<B>) -> Request<TeeBody<B>>
    where
        M: Service<Request<CopyBody>, Response = Response<C>> + Clone + Send + Sync + 'static,
        M::Error: Send + 'static,
        M::Future: Send,
        B: Body,
        C: Body + Send + 'static,
    {
        let policy = self.policy.load();
        // First of all: a request that is not copied costs this check alone.
        if !chooses(&policy, RequestHead::of(&request), || self.rng.next_u64()) {
            return request.map(TeeBody::plain);
        }
        self.counts.chosen();
        let (runtime, ticket) = match self.enter(policy.max_in_flight()) {
            Ok(entered) => entered,
            Err(reason) => {
                self.counts.dropped(reason);
                return request.map(TeeBody::plain);
            }
        };
        // Copied here, in the call: the original's head is about to be consumed. The rest of the
        // work on the copy is done in its task.
        let head = head::copy(&request);
        let pipe = (!request.body().is_end_stream())
            .then(|| Pipe::new(Arc::clone(&self.counts), policy.limits(), length(&request)));
        let hint = request.body().size_hint();
        let (sender, body, progress, verdict) = match pipe {
            None => (None, CopyBody::empty(), None, None),
            Some(pipe) => (
                Some(pipe.sender),
                CopyBody::streamed(hint, pipe.receiver),
                Some(pipe.progress),
                Some(pipe.verdict),
            ),
        };
        let copy = CopyTask {
            body,
            head,
            policy: Arc::clone(&policy),
            progress,
            service: Arc::clone(&self.service),
            span_id: self.rng.next_u64(),
            permit: ticket,
            cancellation: Cancellation::new(self.owner.handle(), policy.timeout(), verdict),
        };
        // The handle is dropped, but the task is not detached: it ends with `owner`.
        drop(runtime.spawn(copy.run()));
        request.map(|body| match sender {
            None => TeeBody::plain(body),
            Some(sender) => TeeBody::copied(body, sender),
        })
    }

    /// Acquires a permit for a copy in flight, and the runtime of its task.
    fn enter(&self, max: u32) -> Result<(Handle, CopyPermit), MirrorDropReason> {
        let runtime = Handle::try_current().map_err(|_| MirrorDropReason::NoRuntime)?;
        Ok((runtime, CopyPermit::enter(&self.counts, max)?))
    }
}

impl<M> Debug for Shared<M> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("share", &self.policy.load().share())
            .finish_non_exhaustive()
    }
}

/// Returns the length of a body, if the body or its head declares one.
fn length<B: Body>(request: &Request<B>) -> Option<u64> {
    let declared = || {
        let length = request.headers().get(header::CONTENT_LENGTH)?;
        length.to_str().ok()?.parse().ok()
    };
    request.body().size_hint().exact().or_else(declared)
}
