#[cfg(feature = "serde")]
mod config;

use http::StatusCode;

use super::Verdict;
use super::verdict::OutcomeClassifier;
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::{Failure, Outcome};

/// The set of outcomes that count as failures of the upstream.
///
/// Failures by default: every 5xx, every attempt without a complete response (connect failures,
/// timeouts, resets, broken bodies, panics, unknown errors), and the gRPC statuses that Envoy maps
/// to a 5xx: `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE` and
/// `DATA_LOSS`.
///
/// Neither failures nor successes: 429 and `RESOURCE_EXHAUSTED` (the upstream is healthy and asks
/// for a lower rate), rejections by this crate's own policies, calls cancelled by their caller,
/// gRPC's `CANCELLED`, and attempts whose kind of failure is excluded below. Every other response
/// is a success: an upstream that returns 404 is healthy.
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
    /// The empty set of failures, to start from.
    pub const NOTHING: Self = Self {
        facts: 0,
        grpc: 0,
        classifier: OutcomeClassifier::NONE,
    };

    /// Sets whether calls that the caller cancelled before the response head are failures. The
    /// default is false; true is useful where an outer timeout cancels calls to a hanging upstream.
    #[must_use]
    pub const fn with_abandoned(self, counts: bool) -> Self {
        self.with(ABANDONED, counts)
    }

    /// Sets whether responses that break off after their head are failures, in addition to the
    /// result of their head. The default is true.
    #[must_use]
    pub const fn with_broken_bodies(self, counts: bool) -> Self {
        self.with(BROKEN_BODIES, counts)
    }

    /// Sets whether failures to connect are failures: refused, unreachable, DNS, TLS. The default
    /// is true.
    #[must_use]
    pub const fn with_connect_failures(self, counts: bool) -> Self {
        self.with(CONNECT_FAILURES, counts)
    }

    /// Sets whether 502, 503 and 504 are failures. The default is true. Set alone, without
    /// [`with_server_errors`](Self::with_server_errors), it corresponds to Istio's
    /// `consecutiveGatewayErrors`.
    #[must_use]
    pub const fn with_gateway_errors(self, counts: bool) -> Self {
        self.with(GATEWAY_ERRORS, counts)
    }

    /// Replaces the set of gRPC statuses that are failures.
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

    /// Sets a custom classifier; where it returns `None`, the rest of this set decides.
    ///
    /// It is called once or twice for each request, outside every lock.
    #[must_use]
    pub fn with_classifier(
        mut self,
        classifier: impl Fn(Outcome) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Self {
        self.classifier = OutcomeClassifier::new(classifier);
        self
    }

    /// Sets whether attempts with any other kind of failure, panics included, are failures. The
    /// default is true.
    #[must_use]
    pub const fn with_other_errors(self, counts: bool) -> Self {
        self.with(OTHER_ERRORS, counts)
    }

    /// Sets whether rejections by this crate's inner policies are failures. The default is false:
    /// the upstream did not receive the request.
    #[must_use]
    pub const fn with_rejections(self, counts: bool) -> Self {
        self.with(REJECTIONS, counts)
    }

    /// Sets whether connections and streams that end before the head are failures. The default is
    /// true.
    #[must_use]
    pub const fn with_resets(self, counts: bool) -> Self {
        self.with(RESETS, counts)
    }

    /// Sets whether statuses from 500 to 599 are failures. The default is true.
    #[must_use]
    pub const fn with_server_errors(self, counts: bool) -> Self {
        self.with(SERVER_ERRORS, counts)
    }

    /// Sets whether attempts without a response in time are failures. The default is true.
    #[must_use]
    pub const fn with_timeouts(self, counts: bool) -> Self {
        self.with(TIMEOUTS, counts)
    }

    /// Sets whether 429 is a failure. The default is false.
    #[must_use]
    pub const fn with_too_many_requests(self, counts: bool) -> Self {
        self.with(TOO_MANY_REQUESTS, counts)
    }

    /// Returns the verdict on `outcome`.
    #[must_use]
    pub fn verdict(&self, outcome: Outcome) -> Verdict {
        let own = self.classifier.classify(outcome);
        // The custom classifier first: it may decide any outcome.
        own.unwrap_or_else(|| self.fact(outcome))
    }

    /// True if there is no custom classifier: the outcome and this set alone decide.
    pub(super) const fn uses_default_classification(&self) -> bool {
        self.classifier.is_none()
    }

    /// True if `outcome` is a success for every set without a custom classifier. Nearly every call
    /// ends so, and is then classified without loading the policy.
    #[inline]
    pub(super) fn is_always_success(outcome: Outcome) -> bool {
        // 5xx and 429 depend on the policy; a gRPC status does, too.
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
                // Two switches, since Istio sets gateway errors and 5xx separately.
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
