use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body::Body;
use tower_service::Service;

use super::budget::Slot;
use super::machine::{AttemptResult, Attempts, Idempotency};
use super::replay::buffered_request::BufferedRequest;
use super::service::PolicySnapshot;
use super::{ReplayBody, RetryPolicy};
use crate::foundation::deadline::Deadline;
use crate::foundation::deadline::headers as time_left;
use crate::foundation::deadline::queueing;
use crate::foundation::endpoints::attempt_number::AttemptNumber;
use crate::foundation::endpoints::attempted_hosts::AttemptedHosts;
use crate::foundation::events::request::record::RequestRecord;
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::http::grpc;
use crate::foundation::outcome::{Outcome, ResponseFlags, RetryStopReason, attempts};
use crate::foundation::sync::sharded_arc::LocalArc;
use crate::foundation::time::clock;
use crate::foundation::time::clock::LazyNow;

/// State of a request that may be retried.
#[derive(Debug)]
pub(super) struct RetryState<S, B> {
    snapshot: LocalArc<PolicySnapshot>,
    pub(super) inner: S,
    request: Arc<BufferedRequest<B>>,
    attempts: Attempts,
    /// Computed at the first failure: most requests have none.
    idempotency: Option<Idempotency>,
    /// Slot of the current retry, held while it waits or runs.
    slot: Option<Slot>,
    /// Endpoints that the attempts were sent to.
    pub(super) attempted: AttemptedHosts,
}

impl<S, B> RetryState<S, B> {
    pub(super) fn emitter(&self) -> &Emitter {
        &self.snapshot.emitter
    }

    pub(super) fn policy(&self) -> &RetryPolicy {
        &self.snapshot.policy
    }

    const fn number(&self) -> u32 {
        self.attempts.retries().saturating_add(1)
    }
}

impl<S, B> Drop for RetryState<S, B> {
    /// A timeout around cuts the retry off without a word.
    fn drop(&mut self) {
        attempts::note(self.number());
    }
}

impl<S, B: Body> RetryState<S, B> {
    pub(super) fn new(
        inner: S,
        kept: Arc<BufferedRequest<B>>,
        current: LocalArc<PolicySnapshot>,
    ) -> Self {
        Self {
            snapshot: current,
            inner,
            request: kept,
            attempts: Attempts::default(),
            idempotency: None,
            slot: None,
            attempted: AttemptedHosts::default(),
        }
    }

    /// Returns true for a gRPC request.
    pub(super) fn is_grpc(&self) -> bool {
        self.request.head.is_grpc()
    }

    /// Calls the inner service, which is ready; a balancer inside avoids the endpoints attempted so
    /// far.
    pub(super) fn call<F>(&mut self, request: Request<ReplayBody<B>>) -> F
    where
        S: Service<Request<ReplayBody<B>>, Future = F>,
    {
        let _number = AttemptNumber::enter(self.number());
        let _guard = self.attempted.enter();
        self.inner.call(request)
    }

    /// Decides about a retry after an attempt with this outcome, and pays for it; returns the time
    /// at which the retry begins.
    pub(super) fn decide(
        &mut self,
        outcome: Outcome,
        headers: Option<&HeaderMap>,
    ) -> Option<Instant> {
        let failed = self.snapshot.policy.retry_on().matches(outcome, headers);
        self.settle(outcome, failed);
        if failed || outcome.is_success() {
            self.snapshot
                .policy
                .budget()
                .ended(&self.snapshot.budget, failed);
        }
        if !failed {
            self.request.finish();
            return None;
        }
        let idempotency = self
            .idempotency
            .get_or_insert_with(|| self.request.head.idempotency());
        let idempotency = *idempotency;
        let now = clock::now();
        let result = AttemptResult {
            headers,
            left: Deadline::current().map(|deadline| deadline.remaining_at(now)),
            lost: self.request.lost(),
            outcome,
            random: self.snapshot.rng.next_u64(),
            idempotency,
            system_time: clock::system_time(),
        };
        match self.retry(result) {
            Ok((wait, slot)) => {
                self.slot = Some(slot);
                let retry = self.attempts.retries();
                self.snapshot
                    .emitter
                    .emit(&EventKind::Retrying { retry, wait });
                Some(later(now, wait))
            }
            Err(reason) => {
                self.request.finish();
                RequestRecord::note_flags(ResponseFlags::of_retry_stop(reason));
                self.snapshot.emitter.emit(&EventKind::RetryStopped(reason));
                None
            }
        }
    }

    fn retry(&mut self, result: AttemptResult<'_>) -> Result<(Duration, Slot), RetryStopReason> {
        let wait = self.attempts.decide(&self.snapshot.policy, result)?;
        let policy = &self.snapshot.policy;
        let unsent =
            matches!(result.outcome, Outcome::Failed(failure) if failure.never_processed());
        let budget = policy.budget();
        let slot = budget.retry(&self.snapshot.budget, policy.max_parallel(), unsent)?;
        Ok((wait, slot))
    }

    /// Settles the try that ended, if it was a retry.
    fn settle(&mut self, outcome: Outcome, failed: bool) {
        if let Some(slot) = self.slot.take() {
            slot.settle(outcome, failed);
        }
    }

    /// Takes note that the last try is on its way to the caller.
    pub(super) fn committed(&mut self) {
        self.settle(Outcome::SUCCESS, false);
        self.snapshot
            .policy
            .budget()
            .ended(&self.snapshot.budget, false);
        self.request.finish();
    }

    /// Creates the request of the next attempt.
    pub(super) fn next_request(&mut self, limit: Option<&AttemptLimit>) -> Request<ReplayBody<B>> {
        let number = self.number();
        let head = self.request.head.to_parts();
        let mut request = Request::from_parts(head, self.request.next_body());
        write_attempt_headers(&self.snapshot.policy, request.headers_mut(), number, limit);
        request
    }
}

/// Time limit of one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptLimit {
    /// Time at which the attempt is given up; none if only the deadline limits it, which the
    /// timeout layer enforces.
    pub(super) at: Option<Instant>,
    pub(super) after: Duration,
    /// The time begins once the try waits for no place of this crate's own; `at` is none until then.
    pub(super) is_to_begin: bool,
    /// True if the callee does not hear of it, as the timeout around says.
    untold: bool,
}

impl AttemptLimit {
    /// Returns the limit of an attempt that starts at this moment; none if it has no limit.
    #[inline]
    pub(super) fn of_attempt(policy: &RetryPolicy, moment: &LazyNow) -> Option<Self> {
        let deadline = Deadline::current();
        let per_try = policy.per_try_timeout();
        if deadline.is_none() && per_try.is_none() {
            return None;
        }
        let now = moment.now();
        let left = deadline.map(|deadline| deadline.remaining_at(now));
        let untold = Deadline::is_untold();
        match per_try {
            Some(after) if left.is_none_or(|left| after < left) => {
                let queueing = policy.per_try_queueing();
                let at = if queueing {
                    clock::reached_after(now, after)
                } else {
                    None
                };
                Some(Self {
                    at,
                    after,
                    is_to_begin: !queueing,
                    untold,
                })
            }
            _ => Some(Self {
                at: None,
                after: left?,
                is_to_begin: false,
                untold,
            }),
        }
    }

    /// Says that the try has a time of its own, not only the deadline's.
    pub(super) const fn is_own(&self) -> bool {
        self.at.is_some() || self.is_to_begin
    }

    /// Polls the attempt, whose time begins once it waits for something other than its place.
    ///
    /// Cold: beside the answer, the response of every attempt would be moved once more.
    #[cold]
    pub(super) fn begin_with<F: Future>(
        &mut self,
        attempt: Pin<&mut F>,
        cx: &mut Context<'_>,
    ) -> Poll<F::Output> {
        let (polled, waits) = queueing::watch(|| attempt.poll(cx));
        if polled.is_pending() && !waits {
            self.at = clock::now().checked_add(self.after);
            self.is_to_begin = false;
        }
        polled
    }
}

const ATTEMPT: HeaderName = HeaderName::from_static("x-envoy-attempt-count");

/// Writes the number of the attempt and its time left into the headers, as far as the policy says.
pub(super) fn write_attempt_headers(
    policy: &RetryPolicy,
    headers: &mut HeaderMap,
    number: u32,
    limit: Option<&AttemptLimit>,
) {
    if policy.envoy_headers() {
        // The usual numbers are static: formatting a number allocates.
        let number = match number {
            1 => HeaderValue::from_static("1"),
            2 => HeaderValue::from_static("2"),
            3 => HeaderValue::from_static("3"),
            _ => HeaderValue::from(number),
        };
        headers.insert(ATTEMPT, number);
    }
    if let Some(limit) = limit.filter(|limit| !limit.untold) {
        let grpc = grpc::is_grpc(headers);
        time_left::write_time_left(headers, limit.after, grpc, policy.envoy_headers());
    }
}

/// Adds a wait to an instant; a wait that would overflow the clock is cut to 30 years.
pub(super) fn later(now: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);
    now + wait.min(FAR)
}
