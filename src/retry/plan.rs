use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body::Body;
use tower_service::Service;

use super::budget::Slot;
use super::machine::{Facts, Progress, Safety};
use super::replay::Replay;
use super::service::Shared;
use super::{ReplayBody, RetryPolicy};
use crate::base::clock::{self, Moment};
use crate::base::time_left;
use crate::base::tried::Tried;
use crate::{Deadline, Event, GaveUp, Observe, Outcome};

/// What is kept of a request that may be sent again.
#[derive(Debug)]
pub(super) struct Plan<S, B> {
    head: Parts,
    pub(super) inner: S,
    pub(super) policy: Arc<RetryPolicy>,
    progress: Progress,
    replay: Replay<B>,
    safety: Safety,
    shared: Arc<Shared>,
    /// Held while a retry waits or runs.
    slot: Option<Slot>,
    /// The endpoints that the tries have been at.
    pub(super) tried: Tried,
}

impl<S, B> Plan<S, B> {
    pub(super) fn observe(&self) -> &Arc<dyn Observe> {
        &self.shared.observe
    }
}

impl<S, B: Body> Plan<S, B> {
    /// Keeps a copy of `head`, which goes out itself: it is the one that has room for more headers.
    pub(super) fn new(
        head: &Parts,
        inner: S,
        policy: Arc<RetryPolicy>,
        replay: Replay<B>,
        safety: Safety,
        shared: Arc<Shared>,
    ) -> Box<Self> {
        Box::new(Self {
            head: head.clone(),
            inner,
            policy,
            progress: Progress::default(),
            replay,
            safety,
            shared,
            slot: None,
            tried: Tried::default(),
        })
    }

    /// Calls the inner service, which is ready; a balancer there sees which endpoints were tried.
    pub(super) fn call<F>(&mut self, request: Request<ReplayBody<B>>) -> F
    where
        S: Service<Request<ReplayBody<B>>, Future = F>,
    {
        let _guard = self.tried.enter();
        self.inner.call(request)
    }

    /// Decides what becomes of the request whose try ended so, and pays for a retry; returns when
    /// that begins.
    pub(super) fn judge(
        &mut self,
        outcome: Outcome,
        headers: Option<&HeaderMap>,
    ) -> Option<Instant> {
        self.slot = None;
        let failed = self.policy.retry_on().matches(outcome, headers);
        if failed || outcome.is_success() {
            self.policy.budget().ended(&self.shared.budget, failed);
        }
        if !failed {
            self.replay.finish();
            return None;
        }
        let now = clock::now();
        let facts = Facts {
            headers,
            left: Deadline::current().map(|deadline| deadline.remaining_at(now)),
            outcome,
            replayable: self.replay.is_whole(),
            roll: self.shared.dice.roll(),
            safety: self.safety,
            wall: clock::wall(),
        };
        match self.retry(facts) {
            Ok((wait, slot)) => {
                self.slot = Some(slot);
                let retry = self.progress.retries();
                self.shared.observe.event(&Event::Retrying { retry, wait });
                Some(later(now, wait))
            }
            Err(reason) => {
                self.replay.finish();
                self.shared.observe.event(&Event::GaveUp(reason));
                None
            }
        }
    }

    fn retry(&mut self, facts: Facts<'_>) -> Result<(Duration, Slot), GaveUp> {
        let wait = self.progress.decide(&self.policy, facts)?;
        let budget = self.policy.budget();
        let slot = budget.retry(&self.shared.budget, self.policy.max_parallel())?;
        Ok((wait, slot))
    }

    /// Takes note that the last try is on its way to the caller.
    pub(super) fn committed(&mut self) {
        self.slot = None;
        self.policy.budget().ended(&self.shared.budget, false);
        self.replay.finish();
    }

    /// Makes the request of the next try.
    pub(super) fn request(&mut self, limit: Option<&Limit>) -> Request<ReplayBody<B>> {
        let retries = self.progress.retries();
        let head = if retries < self.policy.attempts() {
            self.head.clone()
        } else {
            // The last try takes the head itself.
            mem::replace(&mut self.head, Request::new(()).into_parts().0)
        };
        let mut request = Request::from_parts(head, self.replay.body());
        tell(request.headers_mut(), retries.saturating_add(1), limit);
        request
    }
}

/// The time that a try may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// When the try is given up; none if only the deadline holds, which is another layer's.
    pub(super) at: Option<Instant>,
    pub(super) after: Duration,
}

impl Limit {
    /// Returns the limit of a try that starts at this moment; none if nothing limits it.
    pub(super) fn of_try(policy: &RetryPolicy, moment: &Moment) -> Option<Self> {
        let deadline = Deadline::current();
        let per_try = policy.per_try_timeout();
        if deadline.is_none() && per_try.is_none() {
            return None;
        }
        let now = moment.now();
        let left = deadline.map(|deadline| deadline.remaining_at(now));
        match per_try {
            Some(after) if left.is_none_or(|left| after < left) => Some(Self {
                at: now.checked_add(after),
                after,
            }),
            _ => Some(Self {
                at: None,
                after: left?,
            }),
        }
    }
}

static ATTEMPT: HeaderName = HeaderName::from_static("x-envoy-attempt-count");

/// Tells the callee which try this is, and how long it has.
pub(super) fn tell(headers: &mut HeaderMap, number: u32, limit: Option<&Limit>) {
    let number = match number {
        1 => HeaderValue::from_static("1"),
        2 => HeaderValue::from_static("2"),
        3 => HeaderValue::from_static("3"),
        _ => HeaderValue::from(number),
    };
    headers.insert(&ATTEMPT, number);
    if let Some(limit) = limit {
        time_left::tell(headers, limit.after);
    }
}

/// Adds a wait to an instant; one that the clock cannot say is 30 years.
pub(super) fn later(now: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);
    now + wait.min(FAR)
}
