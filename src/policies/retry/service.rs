use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::budget::State;
use super::machine::may_be_retried;
use super::replay::buffered_request::BufferedRequest;
use super::replay::head::Head;
use super::retry_state::{AttemptLimit, RetryState, write_attempt_headers};
use super::{ReplayBody, RetryBody, RetryFuture, RetryPolicy, RetryStats};
use crate::foundation::endpoints::attempt_number::AttemptNumber;
use crate::foundation::events::Emitter;
use crate::foundation::http::RequestHead;
use crate::foundation::sync::Switchable;
use crate::foundation::sync::rng::Rng;
use crate::foundation::sync::sharded_arc::{ShardedArc, ShardedArcRef};
use crate::foundation::time::clock::LazyNow;

/// Retries failed requests.
///
/// The inner service takes requests with a [`ReplayBody`]. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    shared: ShardedArcRef<Shared>,
}

impl<S> Retry<S> {
    pub(super) const fn new(inner: S, shared: ShardedArcRef<Shared>) -> Self {
        Self { inner, shared }
    }

    /// Replaces the inner service.
    #[inline]
    pub(crate) fn map_inner<T>(self, map: impl FnOnce(S) -> T) -> Retry<T> {
        Retry {
            inner: map(self.inner),
            shared: self.shared,
        }
    }
}

impl<S, B, R> Service<Request<B>> for Retry<S>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    S::Error: 'static,
    B: Body,
    R: Body<Data = Bytes>,
{
    type Response = Response<RetryBody<R>>;
    type Error = S::Error;
    type Future = RetryFuture<S, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.call_with_hints(request, RetryHints::default())
    }
}

/// Facts about a request that an outer service has already determined.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RetryHints {
    pub(crate) now: Option<Instant>,
    /// True if the request's headers tell of the current deadline as the timeout around says.
    pub(crate) deadline_written: bool,
    /// True if `x-envoy-expected-rq-timeout-ms` is one of them.
    pub(crate) envoy_written: bool,
}

impl RetryHints {
    /// Says that no header is missing that the policy wants.
    const fn has_written(self, policy: &RetryPolicy) -> bool {
        self.deadline_written && (self.envoy_written || !policy.envoy_headers())
    }
}

impl<S> Retry<S> {
    /// Calls on behalf of an outer service, with the facts that it has determined.
    pub(crate) fn call_with_hints<B, R>(
        &mut self,
        mut request: Request<B>,
        known: RetryHints,
    ) -> RetryFuture<S, B, R>
    where
        S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
        B: Body,
    {
        let current = self.shared.snapshot.load_unless_off();
        let Some(current) = current.filter(|current| !is_off(current)) else {
            return RetryFuture::only(&mut self.inner, request.map(ReplayBody::plain));
        };
        let policy = &current.policy;
        let moment = LazyNow::of(known.now);
        let active = policy.budget().request(&current.budget, &moment);
        let limit = AttemptLimit::of_attempt(policy, &moment);
        // A deadline that is in the headers is not written again: two lookups, 500 instructions.
        let unwritten = limit
            .as_ref()
            .filter(|limit| limit.is_own() || !known.has_written(policy));
        let _number = AttemptNumber::enter(1);
        if !may_be_retried(policy, RequestHead::of(&request)) {
            write_attempt_headers(policy, request.headers_mut(), 1, unwritten);
            let timed = limit.is_some_and(|limit| limit.is_own());
            let grpc = timed && RequestHead::of(&request).is_grpc();
            let future = self.inner.call(request.map(ReplayBody::plain));
            let future = RetryFuture::new(future, limit, grpc, active, None);
            return future.with_emitter(&current.emitter);
        }
        // Copied before the headers are written: each attempt writes its own number and time.
        let head = Head::of(&request);
        write_attempt_headers(policy, request.headers_mut(), 1, unwritten);
        let (parts, body) = request.into_parts();
        let kept = BufferedRequest::new(head, body, policy.replay_limit());
        let request = Request::from_parts(parts, kept.first_body());
        // The service that is ready makes the first attempt; its clone makes the others once it is
        // ready.
        let clone = self.inner.clone();
        let mut retry_state = RetryState::new(clone, kept, current.local());
        let future = {
            let _guard = retry_state.attempted.enter();
            self.inner.call(request)
        };
        RetryFuture::new(future, limit, false, active, Some(retry_state))
    }
}

/// State that all clones of a layer share.
pub(super) struct Shared {
    snapshot: Switchable<ShardedArc<PolicySnapshot>>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("attempts", &self.snapshot.load().policy.attempts())
            .finish_non_exhaustive()
    }
}

/// Policy with the state that survives its replacement. Both share one allocation, so a request
/// that may be retried takes a single per-thread reference.
pub(super) struct PolicySnapshot {
    pub(super) budget: Arc<State>,
    pub(super) rng: Rng,
    pub(super) emitter: Emitter,
    pub(super) policy: RetryPolicy,
}

impl Debug for PolicySnapshot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySnapshot")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(policy: RetryPolicy, emitter: Emitter) -> Self {
        Self::of(PolicySnapshot {
            budget: Arc::new(policy.budget().new_state()),
            rng: Rng::default(),
            emitter,
            policy,
        })
    }

    pub(super) fn with_seed(&self, seed: u64) -> Self {
        let current = self.snapshot.load();
        Self::of(PolicySnapshot {
            rng: Rng::with_seed(seed),
            ..current.with(current.policy.clone())
        })
    }

    fn of(current: PolicySnapshot) -> Self {
        Self {
            snapshot: Switchable::new(ShardedArc::new(current), is_off),
        }
    }

    pub(super) fn emitter(&self) -> Emitter {
        self.snapshot.load().emitter.clone()
    }

    /// Returns the current policy.
    pub(super) fn policy(&self) -> RetryPolicy {
        self.snapshot.load().policy.clone()
    }

    pub(super) fn stats(&self) -> RetryStats {
        let snapshot = self.snapshot.load();
        snapshot.policy.budget().stats(&snapshot.budget)
    }

    pub(super) fn reconfigure(&self, policy: RetryPolicy) {
        self.snapshot
            .replace(|current| ShardedArc::new(current.with(policy)), is_off);
    }
}

/// True if a request has one attempt without a limit of its own.
fn is_off(snapshot: &ShardedArc<PolicySnapshot>) -> bool {
    let policy = &snapshot.policy;
    policy.attempts() == 0 && policy.per_try_timeout().is_none()
}

impl PolicySnapshot {
    fn with(&self, policy: RetryPolicy) -> Self {
        Self {
            budget: Arc::clone(&self.budget),
            rng: self.rng.clone(),
            emitter: self.emitter.clone(),
            policy,
        }
    }
}
