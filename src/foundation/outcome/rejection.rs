use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::{Failure, LocalReplyBody, OpenReason, Outcome, Overflow, RateLimited, ResetReason};
use crate::foundation::http::GrpcStatus;

/// Why this crate itself answered a request instead of the upstream.
///
/// The answer carries it in its extensions; [`Rejection::of`] finds it there.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// The request is none that can go on: HTTP forbids it, or Envoy does.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// The circuit breaker keeps requests away from an upstream that fails.
    #[error("circuit breaker open: {reason}")]
    CircuitOpen {
        /// When a request has a chance again; not known while that depends on other requests or
        /// on whoever opened it.
        retry_after: Option<Duration>,
        /// What opened it, or what keeps it from letting everything through.
        reason: OpenReason,
    },
    /// The caller's deadline had passed before the request was sent; the upstream never saw it.
    #[error("deadline passed before the request was sent")]
    DeadlineExceeded,
    /// A fault was injected on purpose.
    #[error("fault injected: {status}")]
    FaultInjected {
        /// Whether the layers outside take it for the upstream's answer.
        as_upstream: bool,
        /// The gRPC status, if that was asked for or the caller speaks gRPC.
        grpc_status: GrpcStatus,
        /// The HTTP status for a caller that does not speak gRPC.
        status: StatusCode,
    },
    /// There is no endpoint to send the request to: none is known, or all are ejected.
    #[error("no healthy upstream")]
    NoHealthyUpstream,
    /// No route is for the request.
    #[error("no route")]
    NoRoute,
    /// Too much is in flight already.
    #[error(transparent)]
    Overflow(Overflow),
    /// A rate limit is used up.
    #[error("{0}")]
    RateLimited(RateLimited),
    /// The request's own body broke off, so a gateway answers its caller with 400.
    #[error("request body broke off")]
    RequestBody,
    /// No answer came within the time that the caller or the policy allows.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The body of the request is in a transfer coding that no hop undoes.
    #[error("unknown transfer coding")]
    UnknownCoding,
    /// The request's route leads to a destination for which there is no service.
    #[error("unknown destination")]
    UnknownDestination,
    /// The request is for a host that no document names, and such are refused.
    #[error("unknown host")]
    UnknownHost,
    /// The request asks for a protocol that a gateway does not pass on.
    #[error("upgrade refused")]
    UpgradeRefused,
    /// The upstream gave no answer, so a gateway answers for it.
    #[error("{}no answer of the upstream: {reason}", if *retried { "after retries " } else { "" })]
    UpstreamReset {
        /// How the last try ended.
        reason: ResetReason,
        /// Whether it was not the first one.
        retried: bool,
    },
}

/// What each rejection looks like from outside.
struct RejectionSpec {
    flag: &'static str,
    grpc_status: GrpcStatus,
    outcome: Outcome,
    policy: &'static str,
    retry_after: Option<Duration>,
    status: StatusCode,
    text: &'static str,
}

impl RejectionSpec {
    /// What most have in common: 503, gRPC's `UNAVAILABLE`, and that the upstream was not asked.
    const fn unavailable(policy: &'static str, flag: &'static str, text: &'static str) -> Self {
        Self {
            flag,
            grpc_status: GrpcStatus::UNAVAILABLE,
            outcome: Outcome::Rejected,
            policy,
            retry_after: None,
            status: StatusCode::SERVICE_UNAVAILABLE,
            text,
        }
    }
}

impl Rejection {
    /// Returns the rejection that `response` stands for, if this crate made it.
    #[must_use]
    pub fn of<B>(response: &Response<B>) -> Option<&Self> {
        response.extensions().get()
    }

    /// The name of the policy that said no, as a metric's label.
    #[must_use]
    pub const fn policy(self) -> &'static str {
        self.spec().policy
    }

    /// The response flag that Envoy writes to its access log for the same answer.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        self.spec().flag
    }

    /// How long to stay away, if that is known.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        self.spec().retry_after
    }

    /// The status that a caller sees.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.spec().status
    }

    /// The status that a gRPC caller sees: Envoy's, so a timeout is `UNAVAILABLE`.
    #[must_use]
    pub const fn grpc_status(self) -> GrpcStatus {
        self.spec().grpc_status
    }

    /// What this rejection says about the upstream to the policies around the one that made it.
    pub(crate) const fn outcome(self) -> Outcome {
        self.spec().outcome
    }

    /// Status, flag and text are Envoy's.
    const fn spec(self) -> RejectionSpec {
        match self {
            Self::BadRequest(_) => RejectionSpec {
                grpc_status: GrpcStatus::INTERNAL,
                status: StatusCode::BAD_REQUEST,
                ..RejectionSpec::unavailable("mesh", "DPE", "")
            },
            Self::CircuitOpen { retry_after, .. } => RejectionSpec {
                retry_after,
                ..RejectionSpec::unavailable("circuit_breaker", "UH", "no healthy upstream")
            },
            Self::DeadlineExceeded => RejectionSpec {
                status: StatusCode::GATEWAY_TIMEOUT,
                ..RejectionSpec::unavailable("timeout", "DT", TIMEOUT)
            },
            Self::FaultInjected {
                as_upstream,
                grpc_status,
                status,
            } => RejectionSpec {
                grpc_status,
                outcome: if as_upstream {
                    Outcome::Status(status)
                } else {
                    Outcome::Rejected
                },
                status,
                ..RejectionSpec::unavailable("fault_injection", "FI", "fault filter abort")
            },
            Self::NoHealthyUpstream => {
                RejectionSpec::unavailable("load_balance", "UH", "no healthy upstream")
            }
            Self::NoRoute => RejectionSpec {
                grpc_status: GrpcStatus::UNIMPLEMENTED,
                status: StatusCode::NOT_FOUND,
                ..RejectionSpec::unavailable("traffic_split", "NR", "")
            },
            Self::Overflow(Overflow::Connection(_)) => {
                RejectionSpec::unavailable("pool", "UO", OVERFLOW)
            }
            Self::Overflow(_) => RejectionSpec::unavailable("concurrency_limit", "UO", OVERFLOW),
            Self::RateLimited(limited) => RejectionSpec {
                grpc_status: limited.grpc_status,
                retry_after: limited.retry_after,
                status: limited.status,
                ..RejectionSpec::unavailable("rate_limit", "RL", "local_rate_limited")
            },
            Self::RequestBody => RejectionSpec {
                grpc_status: GrpcStatus::INTERNAL,
                outcome: Outcome::Failed(Failure::RequestBody),
                status: StatusCode::BAD_REQUEST,
                ..RejectionSpec::unavailable("gateway", "DPE", "Bad Request")
            },
            Self::TimedOut(_) => RejectionSpec {
                // The upstream was asked and gave no answer.
                outcome: Outcome::Failed(Failure::Timeout),
                status: StatusCode::GATEWAY_TIMEOUT,
                ..RejectionSpec::unavailable("timeout", "UT", TIMEOUT)
            },
            Self::UnknownCoding => RejectionSpec {
                grpc_status: GrpcStatus::UNIMPLEMENTED,
                status: StatusCode::NOT_IMPLEMENTED,
                ..RejectionSpec::unavailable("mesh", "DPE", "")
            },
            Self::UnknownDestination => RejectionSpec::unavailable("traffic_split", "NC", ""),
            // What Istio's `BlackHoleCluster` answers.
            Self::UnknownHost => RejectionSpec {
                status: StatusCode::BAD_GATEWAY,
                ..RejectionSpec::unavailable("mesh", "NR", "")
            },
            Self::UpgradeRefused => RejectionSpec {
                grpc_status: GrpcStatus::PERMISSION_DENIED,
                status: StatusCode::FORBIDDEN,
                ..RejectionSpec::unavailable("gateway", "-", "")
            },
            Self::UpstreamReset { reason, retried } => RejectionSpec {
                outcome: Outcome::Failed(reason.failure()),
                status: reason.status(),
                ..RejectionSpec::unavailable("gateway", reason.flag(), reason.text(retried))
            },
        }
    }

    /// Makes the answer: for a gRPC caller HTTP 200 with the status in headers.
    pub(crate) fn into_response(self, grpc: bool) -> Response<LocalReplyBody> {
        let facts = self.spec();
        let mut response = if grpc { facts.grpc() } else { facts.plain() };
        let headers = response.headers_mut();
        if let Some(retry_after) = facts.retry_after {
            let seconds = HeaderValue::from(whole_seconds(retry_after));
            headers.insert(header::RETRY_AFTER, seconds);
        }
        if matches!(self, Self::Overflow(_)) {
            headers.insert("x-envoy-overloaded", HeaderValue::from_static("true"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

const OVERFLOW: &str =
    "upstream connect error or disconnect/reset before headers. reset reason: overflow";
const TIMEOUT: &str = "upstream request timeout";

impl RejectionSpec {
    fn plain(&self) -> Response<LocalReplyBody> {
        LocalReplyBody::to_http(self.status, Bytes::from_static(self.text.as_bytes()))
    }

    fn grpc(&self) -> Response<LocalReplyBody> {
        let message = (!self.text.is_empty()).then(|| HeaderValue::from_static(self.text));
        LocalReplyBody::to_grpc(self.grpc_status, message)
    }
}

/// Rounds up, to 1 at least: a caller that comes back in 0 seconds comes back too early.
fn whole_seconds(duration: Duration) -> u64 {
    let up = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(up).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (30_000, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }
}
