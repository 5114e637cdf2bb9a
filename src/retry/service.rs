use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::budget::State;
use super::head::Head;
use super::kept::Kept;
use super::machine::may_be_retried;
use super::plan::{Limit, Plan, tell};
use super::{ReplayBody, RetryBody, RetryFuture, RetryPolicy};
use crate::base::Live;
use crate::base::clock::Moment;
use crate::base::dice::Dice;
use crate::base::spread::{Anchor, Home};
use crate::{Observe, RequestHead};

/// Tries failed requests again.
///
/// The inner service takes requests with a [`ReplayBody`]. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    shared: Anchor<Shared>,
}

impl<S> Retry<S> {
    pub(super) const fn new(inner: S, shared: Anchor<Shared>) -> Self {
        Self { inner, shared }
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
        self.call_known(request, Known::default())
    }
}

/// What a service around knows of a request already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    pub(crate) now: Option<Instant>,
    /// The request's headers tell the current deadline.
    pub(crate) told: bool,
}

impl<S> Retry<S> {
    /// Calls for a service around, which hands over what it knows.
    pub(crate) fn call_known<B, R>(
        &mut self,
        mut request: Request<B>,
        known: Known,
    ) -> RetryFuture<S, B, R>
    where
        S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
        B: Body,
    {
        let current = self.shared.current.load();
        let policy = &current.policy;
        if policy.attempts() == 0 && policy.per_try_timeout().is_none() {
            let future = self.inner.call(request.map(ReplayBody::plain));
            return RetryFuture::new(future, None, false, None, None);
        }
        let moment = Moment::of(known.now);
        let active = policy.budget().request(&current.budget, &moment);
        let limit = Limit::of_try(policy, &moment);
        // A deadline alone need not be told again: two searches in the headers, 500 instructions.
        let untold = limit.as_ref().filter(|limit| limit.is_own() || !known.told);
        if !may_be_retried(policy, RequestHead::of(&request)) {
            tell(request.headers_mut(), 1, untold);
            let timed = limit.is_some_and(|limit| limit.is_own());
            let grpc = timed && RequestHead::of(&request).is_grpc();
            let future = self.inner.call(request.map(ReplayBody::plain));
            let future = RetryFuture::new(future, limit, grpc, active, None);
            return future.observed(&current.observe);
        }
        // Copied first: each try is told its own number and time.
        let head = Head::of(&request);
        tell(request.headers_mut(), 1, untold);
        let (parts, body) = request.into_parts();
        let kept = Kept::new(head, body, policy.replay_limit());
        let request = Request::from_parts(parts, kept.first());
        // The service, which is ready, makes the first try. Its clone makes the others, once it is.
        let clone = self.inner.clone();
        let mut plan = Plan::new(clone, kept, current.handle());
        let future = {
            let _guard = plan.tried.enter();
            self.inner.call(request)
        };
        RetryFuture::new(future, limit, false, active, Some(plan))
    }
}

/// What all clones of a layer have in common.
#[derive(Debug)]
pub(super) struct Shared {
    current: Live<Home<Current>>,
}

/// A policy, and what stays when it is replaced. Together, so that a request that may be sent again
/// holds on to both by one count, which is its thread's.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) budget: Arc<State>,
    pub(super) dice: Dice,
    pub(super) observe: Arc<dyn Observe>,
    pub(super) policy: RetryPolicy,
}

impl Shared {
    pub(super) fn new(policy: RetryPolicy, observe: Arc<dyn Observe>) -> Self {
        Self::of(Current {
            budget: Arc::new(policy.budget().new_state()),
            dice: Dice::default(),
            observe,
            policy,
        })
    }

    pub(super) fn seeded(&self, seed: u64) -> Self {
        let current = self.current.load();
        Self::of(Current {
            dice: Dice::seeded(seed),
            ..current.with(current.policy.clone())
        })
    }

    fn of(current: Current) -> Self {
        let current = Live::new(Home::new(current));
        Self { current }
    }

    pub(super) fn reconfigure(&self, policy: RetryPolicy) {
        let current = self.current.load().with(policy);
        self.current.store(Home::new(current));
    }
}

impl Current {
    fn with(&self, policy: RetryPolicy) -> Self {
        Self {
            budget: Arc::clone(&self.budget),
            dice: self.dice.clone(),
            observe: Arc::clone(&self.observe),
            policy,
        }
    }
}
