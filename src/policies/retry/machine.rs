use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, Method};

use super::retry_after::RetryAfter;
use super::{Backoff, Jitter, RetryPolicy};
use crate::foundation::http::{GrpcStatus, RequestHead};
use crate::foundation::outcome::{Outcome, RetryStopReason};
use crate::foundation::sync::Percent;

// The header of the IETF draft, and the spelling that Go's `net/http` also accepts.
static KEYS: [HeaderName; 2] = [
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-idempotency-key"),
];

/// Safety of sending a request twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Idempotency {
    /// A gRPC call: its method is always POST, so only the response can decide.
    Grpc,
    /// Safe to send twice: an idempotent method, or a key by which the server recognises the
    /// repetition.
    Idempotent,
    /// Sending it twice may have two effects.
    Unsafe,
}

impl Idempotency {
    /// Classifies a request by its method, and by two header lookups where the method is not
    /// enough.
    pub(super) fn of(
        method: &Method,
        has: impl Fn(&HeaderName) -> bool,
        is_grpc: impl FnOnce() -> bool,
    ) -> Self {
        match *method {
            Method::GET
            | Method::HEAD
            | Method::OPTIONS
            | Method::TRACE
            | Method::PUT
            | Method::DELETE => Self::Idempotent,
            _ if KEYS.iter().any(has) => Self::Idempotent,
            _ if is_grpc() => Self::Grpc,
            _ => Self::Unsafe,
        }
    }
}

/// Returns true if any outcome could make this request be sent again.
///
/// A POST that is not idempotent is copied too while the policy retries requests that never reached
/// a server, as the default does: those were sent to no one. Only a policy without these conditions
/// looks at the head, and copies less.
#[inline]
pub(super) fn may_be_retried(policy: &RetryPolicy, head: RequestHead<'_>) -> bool {
    let on = policy.retry_on();
    if policy.attempts() == 0 || on.is_empty() {
        return false;
    }
    if policy.non_idempotent() || on.may_match_unprocessed() {
        return true;
    }
    let has = |name: &HeaderName| head.headers().contains_key(name);
    match Idempotency::of(head.method(), has, || head.is_grpc()) {
        Idempotency::Idempotent => true,
        Idempotency::Grpc => on.may_match_grpc(),
        Idempotency::Unsafe => false,
    }
}

/// Retries and waits of one request so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attempts {
    /// Retries that waited for the backoff; a wait requested by the server does not lengthen it.
    backoffs: u32,
    last_backoff: Option<Duration>,
    retries: u32,
}

/// Outcome of one attempt, and the inputs to the decision about another.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptResult<'a> {
    pub(super) headers: Option<&'a HeaderMap>,
    /// Time until the deadline, if there is one.
    pub(super) left: Option<Duration>,
    /// The limit that was too small for the request's body, if one was.
    pub(super) lost: Option<usize>,
    pub(super) outcome: Outcome,
    pub(super) random: u64,
    pub(super) idempotency: Idempotency,
    pub(super) system_time: SystemTime,
}

/// Shortest time left in which an attempt is worth starting.
const MOMENT: Duration = Duration::from_millis(1);

impl Attempts {
    /// Returns the number of retries so far.
    pub(super) const fn retries(&self) -> u32 {
        self.retries
    }

    /// Decides whether and after which wait a request is retried whose attempt ended with a
    /// retriable outcome.
    pub(super) fn decide(
        &mut self,
        policy: &RetryPolicy,
        result: AttemptResult<'_>,
    ) -> Result<Duration, RetryStopReason> {
        let (next, wait) = self.next(policy, result)?;
        *self = next;
        Ok(wait)
    }

    fn next(
        self,
        policy: &RetryPolicy,
        result: AttemptResult<'_>,
    ) -> Result<(Self, Duration), RetryStopReason> {
        if !is_safe(policy, result) {
            return Err(RetryStopReason::NotIdempotent);
        }
        if self.retries >= policy.attempts() {
            return Err(RetryStopReason::Attempts(policy.attempts()));
        }
        if let Some(limit) = result.lost {
            return Err(RetryStopReason::Body(limit));
        }
        let headers = result.headers.filter(|_| !policy.retry_after().is_zero());
        let asked =
            headers.and_then(|h| RetryAfter::of(h, policy.reset_headers(), result.system_time));
        let mut next = Self {
            retries: self.retries + 1,
            ..self
        };
        let told = match asked {
            Some(RetryAfter::Never) => return Err(RetryStopReason::Pushback),
            Some(asked) => asked_wait(policy, asked, result),
            None => None,
        };
        let wait = if let Some(wait) = told {
            if let Some(RetryAfter::Exactly(_)) = asked {
                // As gRPC does: after a pushback the backoff begins from its start.
                next.backoffs = 0;
            }
            wait
        } else {
            let backoff = policy.backoff();
            let wait = backoff.delay(self.backoffs, self.last_backoff, result.random);
            next.backoffs += 1;
            next.last_backoff = Some(wait);
            wait
        };
        match result.left {
            Some(left) if !fits(wait, left) => Err(RetryStopReason::Deadline { left, wait }),
            _ => Ok((next, wait)),
        }
    }
}

/// Returns how long a server's wish makes a retry wait; none if the policy passes it over.
fn asked_wait(
    policy: &RetryPolicy,
    asked: RetryAfter,
    result: AttemptResult<'_>,
) -> Option<Duration> {
    let cap = policy.retry_after();
    let wait = match asked {
        RetryAfter::Exactly(wait) => wait.min(cap),
        RetryAfter::AtLeast(wait) => {
            let late = Jitter::Above(Percent::new(50));
            let backoff = Backoff::constant(wait.min(cap)).with_jitter(late);
            backoff.with_cap(cap).delay(0, None, result.random)
        }
        RetryAfter::Never => return None,
    };
    let in_time = result.left.is_some_and(|left| fits(wait, left));
    (in_time || !policy.retry_after_in_time()).then_some(wait)
}

fn fits(wait: Duration, left: Duration) -> bool {
    wait.saturating_add(MOMENT) <= left
}

fn is_safe(policy: &RetryPolicy, result: AttemptResult<'_>) -> bool {
    let unprocessed = matches!(result.outcome, Outcome::Failed(f) if f.never_processed());
    match result.idempotency {
        _ if unprocessed || policy.non_idempotent() => true,
        Idempotency::Idempotent => true,
        // The server ended the call in its head, before a message: for gRPC such a call is not
        // committed, and may be repeated for the statuses that the policy names (A6).
        Idempotency::Grpc => result
            .headers
            .and_then(GrpcStatus::from_headers)
            .is_some_and(|status| policy.retry_on().matches_grpc(status)),
        Idempotency::Unsafe => false,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode, header};

    use super::*;
    use crate::foundation::outcome::Failure;
    use crate::policies::retry::{Condition, RetryOn};

    const RESET: Outcome = Outcome::Failed(Failure::Reset);
    const CONNECT: Outcome = Outcome::Failed(Failure::Connect);
    const ERROR: Outcome = Outcome::Status(StatusCode::INTERNAL_SERVER_ERROR);

    fn facts(outcome: Outcome) -> AttemptResult<'static> {
        AttemptResult {
            headers: None,
            left: None,
            lost: None,
            outcome,
            random: 0,
            idempotency: Idempotency::Idempotent,
            system_time: SystemTime::UNIX_EPOCH,
        }
    }

    fn any() -> RetryPolicy {
        RetryPolicy::new(3).with_retry_on(RetryOn::none().with(Condition::ServerError))
    }

    #[test]
    fn a_post_is_repeated_only_if_it_was_never_looked_at() {
        for (outcome, expected) in [
            (CONNECT, true),
            (Outcome::Failed(Failure::RefusedStream), true),
            (Outcome::Failed(Failure::NotSent), true),
            (RESET, false),
            (Outcome::Failed(Failure::Timeout), false),
            (Outcome::Failed(Failure::Closed), false),
        ] {
            let result = AttemptResult {
                idempotency: Idempotency::Unsafe,
                ..facts(outcome)
            };
            let verdict = Attempts::default().decide(&any(), result);
            assert_eq!(verdict.is_ok(), expected, "{outcome:?}");
            let willing = any().with_non_idempotent(true);
            let verdict = Attempts::default().decide(&willing, result);
            assert!(verdict.is_ok(), "{outcome:?}");
        }
    }

    #[test]
    fn no_wait_begins_that_ends_after_the_deadline() {
        let policy = any().with_backoff(Backoff::constant(Duration::from_secs(2)));
        let (left, wait) = (Duration::from_secs(1), Duration::from_secs(2));
        let late = AttemptResult {
            left: Some(left),
            ..facts(RESET)
        };
        let verdict = Attempts::default().decide(&policy, late);
        assert_eq!(verdict, Err(RetryStopReason::Deadline { left, wait }));
        let none_left = AttemptResult {
            left: Some(Duration::ZERO),
            ..late
        };
        let policy = any().with_backoff(Backoff::constant(Duration::ZERO));
        assert!(matches!(
            Attempts::default().decide(&policy, none_left),
            Err(RetryStopReason::Deadline { .. })
        ));
    }

    #[test]
    fn what_the_server_asks_for_is_capped_and_does_not_lengthen_the_backoff() {
        let cap = Duration::from_secs(7);
        let backoff = Backoff::DEFAULT.with_jitter(Jitter::None);
        let policy = any().with_backoff(backoff).with_retry_after(cap);
        let mut headers = HeaderMap::new();
        let mut attempts = Attempts::default();
        for (asked, millis) in [("2", 2_000), ("900", 7_000), ("0", 25)] {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(asked));
            let result = AttemptResult {
                headers: Some(&headers),
                ..facts(ERROR)
            };
            let wait = Duration::from_millis(millis);
            assert_eq!(attempts.decide(&policy, result), Ok(wait));
        }
        let verdict = attempts.decide(&policy, facts(ERROR));
        assert_eq!(verdict, Err(RetryStopReason::Attempts(3)));
    }

    #[test]
    fn a_wait_that_does_not_end_in_time_is_passed_over_if_the_policy_says_so() {
        let backoff = Backoff::constant(Duration::from_millis(25));
        let policy = any().with_backoff(backoff).with_retry_after_in_time(true);
        let mut after = HeaderMap::new();
        after.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        let mut pushback = HeaderMap::new();
        pushback.insert("grpc-retry-pushback-ms", HeaderValue::from_static("2000"));
        for headers in [&after, &pushback] {
            for (left, millis) in [(None, 25), (Some(1), 25), (Some(3), 2_000)] {
                let result = AttemptResult {
                    headers: Some(headers),
                    left: left.map(Duration::from_secs),
                    ..facts(ERROR)
                };
                let wait = Attempts::default().decide(&policy, result);
                assert_eq!(wait, Ok(Duration::from_millis(millis)), "{left:?}");
            }
        }
    }

    #[test]
    fn our_own_refusal_is_never_repeated_but_an_overload_from_the_network_is() {
        let policy = any().with_non_idempotent(true);
        assert!(!policy.retry_on().matches(Outcome::Rejected, None));

        let mut headers = HeaderMap::new();
        headers.insert("x-envoy-overloaded", HeaderValue::from_static("true"));
        let overloaded = Outcome::Status(StatusCode::SERVICE_UNAVAILABLE);
        assert!(policy.retry_on().matches(overloaded, Some(&headers)));
    }
}
