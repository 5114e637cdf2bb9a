use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::budget::State;
use super::machine::Safety;
use super::plan::{Limit, Plan, tell};
use super::replay::Replay;
use super::{ReplayBody, RetryBody, RetryFuture, RetryPolicy};
use crate::base::Live;
use crate::base::clock::Moment;
use crate::base::dice::Dice;
use crate::{Observe, RequestHead};

/// Tries failed requests again.
///
/// The inner service takes requests with a [`ReplayBody`]. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Retry<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let policy = self.shared.policy.load();
        if policy.attempts() == 0 && policy.per_try_timeout().is_none() {
            let future = self.inner.call(request.map(ReplayBody::plain));
            return RetryFuture::new(future, None, false, None, None);
        }
        let moment = Moment::default();
        let active = policy.budget().request(&self.shared.budget, &moment);
        let head = RequestHead::of(&request);
        let (grpc, safety) = (head.is_grpc(), Safety::of(head));
        let limit = Limit::of_try(&policy, &moment);
        tell(request.headers_mut(), 1, limit.as_ref());
        if !safety.may_be_retried(&policy) {
            let future = self.inner.call(request.map(ReplayBody::plain));
            let future = RetryFuture::new(future, limit, grpc, active, None);
            return future.observed(&self.shared.observe);
        }
        let (head, body) = request.into_parts();
        let replay = Replay::new(body, policy.replay_limit());
        let body = replay.body();
        // The ready service makes the first try; its clone was not polled ready and stays behind.
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        let (policy, shared) = (Arc::clone(&policy), Arc::clone(&self.shared));
        let mut plan = Plan::new(&head, inner, policy, replay, safety, shared);
        let future = plan.call(Request::from_parts(head, body));
        RetryFuture::new(future, limit, grpc, active, Some(plan))
    }
}

/// What all clones of a layer have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) budget: Arc<State>,
    pub(super) dice: Dice,
    pub(super) observe: Arc<dyn Observe>,
    policy: Live<RetryPolicy>,
}

impl Shared {
    pub(super) fn new(policy: RetryPolicy, observe: Arc<dyn Observe>) -> Self {
        Self {
            budget: Arc::new(policy.budget().new_state()),
            dice: Dice::default(),
            observe,
            policy: Live::new(policy),
        }
    }

    pub(super) fn seeded(&self, seed: u64) -> Self {
        Self {
            budget: Arc::clone(&self.budget),
            dice: Dice::seeded(seed),
            observe: Arc::clone(&self.observe),
            policy: Live::new(RetryPolicy::clone(&self.policy.load())),
        }
    }

    pub(super) fn reconfigure(&self, policy: RetryPolicy) {
        self.policy.store(policy);
    }
}
