use http::StatusCode;

use super::Verdict;
use super::verdict::OutcomeClassifier;
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::{Failure, Outcome};

/// Which outcomes count as failures of the upstream.
///
/// By default these do: every 5xx, every attempt without a whole response (connect failures,
/// timeouts, resets, bodies that break off, panics, unknown errors), and the gRPC statuses that
/// Envoy takes for a 5xx: `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`,
/// `UNAVAILABLE` and `DATA_LOSS`.
///
/// These do not, and are no successes either: 429 and `RESOURCE_EXHAUSTED` (the upstream is well
/// and says "slower"), answers of this crate's own policies, calls whose caller went away, gRPC's
/// `CANCELLED`, and attempts that failed in a way that is left out below. Every other response is a
/// success: who answers 404 is alive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FailureOn {
    facts: u16,
    grpc: u32,
    classifier: OutcomeClassifier,
}

const ABANDONED: u16 = 1;
const BROKEN_BODIES: u16 = 1 << 1;
const CONNECT_FAILURES: u16 = 1 << 2;
const GATEWAY_ERRORS: u16 = 1 << 3;
const OTHER_ERRORS: u16 = 1 << 4;
const REJECTIONS: u16 = 1 << 5;
const RESETS: u16 = 1 << 6;
const SERVER_ERRORS: u16 = 1 << 7;
const TIMEOUTS: u16 = 1 << 8;
const TOO_MANY_REQUESTS: u16 = 1 << 9;

impl FailureOn {
    /// Counts nothing as a failure: a set to start from.
    pub const NOTHING: Self = Self {
        facts: 0,
        grpc: 0,
        classifier: OutcomeClassifier::NONE,
    };

    /// Says whether calls whose caller went away before the head count. They do not by default; let
    /// them where an outer timeout cancels calls to an upstream that hangs.
    #[must_use]
    pub const fn with_abandoned(self, counts: bool) -> Self {
        self.with(ABANDONED, counts)
    }

    /// Says whether responses that break off after their head count. They do by default, once more
    /// than their head.
    #[must_use]
    pub const fn with_broken_bodies(self, counts: bool) -> Self {
        self.with(BROKEN_BODIES, counts)
    }

    /// Says whether connections that cannot be made count: refused, unreachable, DNS, TLS. They do
    /// by default.
    #[must_use]
    pub const fn with_connect_failures(self, counts: bool) -> Self {
        self.with(CONNECT_FAILURES, counts)
    }

    /// Says whether 502, 503 and 504 count. They do by default; this alone, without
    /// [`with_server_errors`](Self::with_server_errors), is Istio's `consecutiveGatewayErrors`.
    #[must_use]
    pub const fn with_gateway_errors(self, counts: bool) -> Self {
        self.with(GATEWAY_ERRORS, counts)
    }

    /// Sets which gRPC statuses count, in place of those that did.
    #[must_use]
    pub const fn with_grpc(mut self, statuses: &[GrpcStatus]) -> Self {
        self.grpc = 0;
        let mut i = 0;
        while i < statuses.len() {
            self.grpc |= 1 << statuses[i].code();
            i += 1;
        }
        self
    }

    /// Asks `judge` first; where it says `None`, the rest of this set decides.
    ///
    /// It is called once or twice a request, outside of every lock.
    #[must_use]
    pub fn with_classifier(
        mut self,
        classifier: impl Fn(Outcome) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Self {
        self.classifier = OutcomeClassifier::new(classifier);
        self
    }

    /// Says whether attempts count that failed in no way that has a name here, panics among them.
    /// They do by default.
    #[must_use]
    pub const fn with_other_errors(self, counts: bool) -> Self {
        self.with(OTHER_ERRORS, counts)
    }

    /// Says whether answers of this crate's own policies, further in, count. They do not by
    /// default: the upstream never saw the request.
    #[must_use]
    pub const fn with_rejections(self, counts: bool) -> Self {
        self.with(REJECTIONS, counts)
    }

    /// Says whether connections and streams that end before the head count. They do by default.
    #[must_use]
    pub const fn with_resets(self, counts: bool) -> Self {
        self.with(RESETS, counts)
    }

    /// Says whether every status from 500 to 599 counts. They do by default.
    #[must_use]
    pub const fn with_server_errors(self, counts: bool) -> Self {
        self.with(SERVER_ERRORS, counts)
    }

    /// Says whether attempts without an answer in time count. They do by default.
    #[must_use]
    pub const fn with_timeouts(self, counts: bool) -> Self {
        self.with(TIMEOUTS, counts)
    }

    /// Says whether 429 counts. It does not by default.
    #[must_use]
    pub const fn with_too_many_requests(self, counts: bool) -> Self {
        self.with(TOO_MANY_REQUESTS, counts)
    }

    /// Says what `outcome` means.
    #[must_use]
    pub fn verdict(&self, outcome: Outcome) -> Verdict {
        let own = self.classifier.classify(outcome);
        own.unwrap_or_else(|| self.fact(outcome))
    }

    /// Says that nothing but the outcome and this set decides: no function of somebody's own.
    pub(super) const fn uses_default_classification(&self) -> bool {
        self.classifier.is_none()
    }

    /// Says that `outcome` is a success for every set without such a function: what nearly every
    /// call ends with is told without a look at the policy.
    #[inline]
    pub(super) fn is_always_success(outcome: Outcome) -> bool {
        let never_counts = |status| status < 500 && status != 429;
        matches!(outcome, Outcome::Status(status) if never_counts(status.as_u16()))
    }

    fn fact(&self, outcome: Outcome) -> Verdict {
        let (counts, otherwise) = match outcome {
            Outcome::Abandoned => (self.has(ABANDONED), Verdict::Neutral),
            Outcome::Failed(failure) => (self.has(fact_of(failure)), Verdict::Neutral),
            Outcome::Grpc(status) => {
                let otherwise = match status {
                    GrpcStatus::CANCELLED | GrpcStatus::RESOURCE_EXHAUSTED => Verdict::Neutral,
                    _ => Verdict::Success,
                };
                (self.grpc & (1 << status.code()) != 0, otherwise)
            }
            Outcome::Rejected => (self.has(REJECTIONS), Verdict::Neutral),
            Outcome::Status(StatusCode::TOO_MANY_REQUESTS) => {
                (self.has(TOO_MANY_REQUESTS), Verdict::Neutral)
            }
            Outcome::Status(status) => {
                let gateway = matches!(status.as_u16(), 502..=504) && self.has(GATEWAY_ERRORS);
                let server = status.is_server_error() && self.has(SERVER_ERRORS);
                (gateway || server, Verdict::Success)
            }
        };
        if counts { Verdict::Failure } else { otherwise }
    }

    const fn has(&self, fact: u16) -> bool {
        self.facts & fact != 0
    }

    const fn with(mut self, fact: u16, counts: bool) -> Self {
        if counts {
            self.facts |= fact;
        } else {
            self.facts &= !fact;
        }
        self
    }
}

impl Default for FailureOn {
    fn default() -> Self {
        Self {
            facts: BROKEN_BODIES
                | CONNECT_FAILURES
                | GATEWAY_ERRORS
                | OTHER_ERRORS
                | RESETS
                | SERVER_ERRORS
                | TIMEOUTS,
            ..Self::NOTHING
        }
        .with_grpc(&[
            GrpcStatus::UNKNOWN,
            GrpcStatus::DEADLINE_EXCEEDED,
            GrpcStatus::UNIMPLEMENTED,
            GrpcStatus::INTERNAL,
            GrpcStatus::UNAVAILABLE,
            GrpcStatus::DATA_LOSS,
        ])
    }
}

const fn fact_of(failure: Failure) -> u16 {
    match failure {
        Failure::Body => BROKEN_BODIES,
        Failure::Connect | Failure::Dns | Failure::Tls => CONNECT_FAILURES,
        Failure::Other | Failure::Panic => OTHER_ERRORS,
        // The caller's failure: neither for the upstream nor against it.
        Failure::RequestBody => 0,
        Failure::Closed | Failure::NotSent | Failure::RefusedStream | Failure::Reset => RESETS,
        Failure::Timeout => TIMEOUTS,
    }
}
