#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

use http::HeaderName;

use super::replay::replay_buffer::ReplayLimit;
use super::{Backoff, Condition, ResetFormat, RetryBudget, RetryOn};
use crate::foundation::outcome::ErrorClassifier;
use crate::foundation::sync::debug_changes::debug_changes;

/// Conditions, number and timing of retries.
///
/// In every configuration a request is only sent twice if that is safe: its method is idempotent,
/// it carries `Idempotency-Key`, the server provably did not process it, or
/// [`with_non_idempotent`](Self::with_non_idempotent) allows it.
#[derive(Clone, Eq, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one setting of its own, and all combinations make sense"
)]
pub struct RetryPolicy {
    attempts: u32,
    backoff: Backoff,
    budget: RetryBudget,
    envoy_headers: bool,
    max_parallel: Option<u32>,
    non_idempotent: bool,
    on: RetryOn,
    per_try_queueing: bool,
    per_try_timeout: Option<Duration>,
    error_classifier: ErrorClassifier,
    replay_limit: ReplayLimit,
    reset_headers: Vec<(HeaderName, ResetFormat)>,
    retry_after: Duration,
    retry_after_in_time: bool,
}

debug_changes!(
    RetryPolicy: attempts, backoff, budget, envoy_headers, max_parallel, non_idempotent, on, per_try_queueing, per_try_timeout, error_classifier, replay_limit, reset_headers, retry_after, retry_after_in_time,
);

impl RetryPolicy {
    /// Creates a policy with this number of retries after the first attempt (Istio's `attempts`),
    /// on the conditions of [`RetryOn::istio`]. 0 is [`RetryPolicy::off`].
    #[must_use]
    pub fn new(attempts: u32) -> Self {
        Self {
            attempts,
            backoff: Backoff::DEFAULT,
            budget: RetryBudget::default(),
            envoy_headers: false,
            max_parallel: None,
            non_idempotent: false,
            on: RetryOn::istio(),
            per_try_queueing: true,
            per_try_timeout: None,
            error_classifier: ErrorClassifier::default(),
            replay_limit: ReplayLimit {
                stream: 64 * 1024,
                whole: 1024 * 1024,
            },
            reset_headers: Vec::new(),
            retry_after: Duration::from_secs(30),
            retry_after_in_time: false,
        }
    }

    /// Creates a policy that retries nothing, copies nothing, and has no timeout for an attempt.
    #[must_use]
    pub fn off() -> Self {
        Self::new(0)
    }

    /// Creates the policy that Istio gives the sidecar in front of the app: 2 retries of requests
    /// that were never sent to it (`reset-before-request`).
    #[must_use]
    pub fn inbound() -> Self {
        Self::new(2).with_retry_on(RetryOn::none().with(Condition::ResetBeforeRequest))
    }

    /// Sets the number of retries after the first attempt. The default is 2; 0 switches everything
    /// off, including the timeout of an attempt, as in Istio.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets the wait between attempts. The default is Envoy's: base 25 ms, doubling up to 250 ms,
    /// with full jitter.
    #[must_use]
    pub const fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets the budget for the retries of all requests together. The default is one retry for five
    /// requests plus a small reserve; Istio has no such limit unless it is configured.
    #[must_use]
    pub fn with_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets whether each attempt carries its number, `x-envoy-attempt-count`, and its time left,
    /// `x-envoy-expected-rq-timeout-ms`. The default is `false`: both are for a proxy or a service of one's own, and
    /// mean nothing to a stranger. In a mesh they go to the hosts inside it, whatever is set here.
    ///
    /// Envoy's `suppress_envoy_headers`, the other way round. `grpc-timeout`, which is gRPC's, does not depend on it,
    /// nor does the number of the attempt in its span.
    #[must_use]
    pub const fn with_envoy_headers(mut self, envoy_headers: bool) -> Self {
        self.envoy_headers = envoy_headers;
        self
    }

    /// Sets how many retries may wait or run at a time (Istio's `connectionPool.http.maxRetries`).
    /// The default is no limit; 0 allows none, as in Envoy, whereas Istio reads its 0 as no limit.
    /// [`RetryBudget::concurrent`] replaces this limit.
    #[must_use]
    pub const fn with_max_parallel(mut self, retries: u32) -> Self {
        self.max_parallel = Some(retries);
        self
    }

    /// Sets whether requests that are not idempotent (POST, PATCH and unknown methods) are retried
    /// even if the server may have processed them. The default is no; Istio retries them.
    #[must_use]
    pub const fn with_non_idempotent(mut self, retried: bool) -> Self {
        self.non_idempotent = retried;
        self
    }

    /// Sets the outcomes that are retried. The default is [`RetryOn::istio`].
    #[must_use]
    pub fn with_retry_on(mut self, on: RetryOn) -> Self {
        self.on = on;
        self
    }

    /// Sets how long one attempt may take until the response head arrives, the first one included;
    /// an attempt that takes longer counts as a reset, and the last one is answered with 504. The
    /// default is no limit but the deadline, and 0 means the same. A deadline that is not later
    /// takes precedence.
    #[must_use]
    pub const fn with_per_try_timeout(mut self, timeout: Duration) -> Self {
        self.per_try_timeout = if timeout.is_zero() {
            None
        } else {
            Some(timeout)
        };
        self
    }

    /// Sets whether the time of a try runs while the try waits for its place in a concurrency or rate limit of
    /// this crate, or for a connection of its pool. The default is `true`; in Envoy it does not, nor under
    /// Istio's documents.
    #[must_use]
    pub const fn with_per_try_queueing(mut self, counts: bool) -> Self {
        self.per_try_queueing = counts;
        self
    }

    /// Sets the classification of errors of the inner service. The default is
    /// [`Failure::of`](crate::Failure::of). An error with the outcome of a healthy upstream is not retried.
    #[must_use]
    pub fn with_error_classifier(mut self, error_classifier: ErrorClassifier) -> Self {
        self.error_classifier = error_classifier;
        self
    }

    /// Sets how many bytes of a request body are kept for a replay. A body that is longer goes through, and
    /// is not sent again once more than this was read of it; with 0, once anything was.
    ///
    /// The default is 64 KiB of a body that streams, and 1 MiB of one that comes in a single frame, such
    /// as `Full<Bytes>`: it is in memory anyway. Envoy keeps 1 MiB of either.
    #[must_use]
    pub const fn with_replay_limit(mut self, bytes: usize) -> Self {
        self.replay_limit = ReplayLimit::of(bytes);
        self
    }

    /// Adds a response header with the time to wait, such as `x-ratelimit-reset`. Headers are read
    /// in the order in which they were added, and all of them before `Retry-After`.
    ///
    /// # Source
    ///
    /// Envoy's `rate_limited_retry_back_off`.
    #[must_use]
    pub fn with_reset_header(mut self, name: HeaderName, format: ResetFormat) -> Self {
        self.reset_headers.push((name, format));
        self
    }

    /// Sets the longest wait that a server can request, by `Retry-After` (seconds or a date), a
    /// header of [`with_reset_header`](Self::with_reset_header), or `grpc-retry-pushback-ms`. The
    /// default is 30 seconds; a longer wait is cut to the cap. With 0 the server's headers are ignored, as
    /// Envoy ignores them: only the backoff counts, and no pushback forbids the retry.
    ///
    /// Up to half as much again is added to the wait from a header (not to a gRPC pushback), as
    /// Envoy does, so that callers do not all return in the same moment.
    #[must_use]
    pub const fn with_retry_after(mut self, cap: Duration) -> Self {
        self.retry_after = cap;
        self
    }

    /// Sets whether a wait that a server asks for counts only if it ends before the current
    /// [`Deadline`](crate::Deadline); if it does not, or there is none, the backoff counts, as in Envoy. The
    /// default is `false`: the request is given up if the wait is too long, and waits up to the
    /// [cap](Self::with_retry_after) if nothing limits it. Under Istio's documents it is `true`.
    #[must_use]
    pub const fn with_retry_after_in_time(mut self, in_time: bool) -> Self {
        self.retry_after_in_time = in_time;
        self
    }

    /// Returns the maximum number of retries after the first attempt.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the wait between attempts.
    #[must_use]
    pub const fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// Returns the budget for the retries of all requests together.
    #[must_use]
    pub const fn budget(&self) -> &RetryBudget {
        &self.budget
    }

    /// Returns how many retries may wait or run at a time; none is no limit.
    #[must_use]
    pub const fn max_parallel(&self) -> Option<u32> {
        self.max_parallel
    }

    /// Returns the timeout of one attempt; none is no limit but the deadline.
    #[must_use]
    pub const fn per_try_timeout(&self) -> Option<Duration> {
        self.per_try_timeout
    }

    pub(super) const fn envoy_headers(&self) -> bool {
        self.envoy_headers
    }

    pub(super) const fn per_try_queueing(&self) -> bool {
        self.per_try_queueing
    }

    /// Returns the outcomes that are retried.
    #[must_use]
    pub const fn retry_on(&self) -> &RetryOn {
        &self.on
    }

    /// Returns true if the policy allows attempts that its budget can never grant, which is a
    /// mistake.
    #[must_use]
    pub fn has_no_budget(&self) -> bool {
        self.attempts > 0 && (self.budget.is_nothing() || self.max_parallel == Some(0))
    }

    pub(crate) const fn non_idempotent(&self) -> bool {
        self.non_idempotent
    }

    pub(super) const fn error_classifier(&self) -> &ErrorClassifier {
        &self.error_classifier
    }

    pub(super) const fn replay_limit(&self) -> ReplayLimit {
        self.replay_limit
    }

    pub(super) fn reset_headers(&self) -> &[(HeaderName, ResetFormat)] {
        &self.reset_headers
    }

    pub(super) const fn retry_after(&self) -> Duration {
        self.retry_after
    }

    pub(super) const fn retry_after_in_time(&self) -> bool {
        self.retry_after_in_time
    }
}

/// Istio's default: 2 retries, on the conditions of [`RetryOn::istio`].
impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new(2)
    }
}
