use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::{
    DenyReason, Failure, LocalReplyBody, OpenReason, Outcome, Overflow, RateLimited, ResetReason,
    error_details,
};
use crate::foundation::http::GrpcStatus;

/// The reason why a policy of this crate answered a request locally.
///
/// The response carries it in its extensions, where [`Rejection::of`] finds it; beside it stands the layer that rejected
/// the request, which [`Source::of`](crate::events::Source::of) finds.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// An authorization policy denies the request; the [`Source`](crate::events::Source) names it.
    #[error("access denied: {0}")]
    AccessDenied(DenyReason),
    /// The request is none that can go on: HTTP forbids it, or Envoy does.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// The circuit breaker rejects requests to a failing upstream.
    #[error("circuit breaker open: {reason}")]
    CircuitOpen {
        /// Time until a request may be admitted; `None` if that depends on requests in flight or on
        /// a command.
        retry_after: Option<Duration>,
        /// The reason for opening, or for admitting only some of the requests.
        reason: OpenReason,
    },
    /// No rejection but a preflight of CORS, which a policy answers in place of the application.
    #[error("preflight answered")]
    CorsPreflight,
    /// The caller's deadline had passed before the request was sent; the upstream did not receive
    /// it.
    #[error("deadline passed before the request was sent")]
    DeadlineExceeded,
    /// A fault was injected by configuration.
    #[error("fault injected: {status}")]
    FaultInjected {
        /// True if the outer layers treat the fault as the upstream's response.
        as_upstream: bool,
        /// The gRPC status of the fault, for gRPC callers.
        grpc_status: GrpcStatus,
        /// The HTTP status of the fault, for other callers.
        status: StatusCode,
    },
    /// The cluster has no endpoint for the request: none is known, or all are ejected.
    #[error("no healthy upstream")]
    NoHealthyUpstream,
    /// No route matches the request.
    #[error("no route")]
    NoRoute,
    /// A concurrency limit, queue or connection pool is full.
    #[error(transparent)]
    Overflow(Overflow),
    /// A rate limit is exhausted.
    #[error("{0}")]
    RateLimited(RateLimited),
    /// The request's own body broke off, so a gateway answers its caller with 400.
    #[error("request body broke off")]
    RequestBody,
    /// No response arrived within the time that the caller or the policy allows.
    #[error("no response within {0:?}")]
    TimedOut(Duration),
    /// The token of the request was refused, or is missing.
    #[cfg(feature = "jwt")]
    #[error("{0}")]
    Unauthenticated(super::JwtStatus),
    /// The body of the request is in a transfer coding that no hop undoes.
    #[error("unknown transfer coding")]
    UnknownCoding,
    /// The request's route leads to a destination for which there is no service.
    #[error("unknown destination")]
    UnknownDestination,
    /// The request addresses a host that is not configured, and unknown hosts are rejected.
    #[error("unknown host")]
    UnknownHost,
    /// The request asks for a protocol that a gateway does not pass on.
    #[error("upgrade refused")]
    UpgradeRefused,
    /// The upstream gave no answer, so a gateway answers for it.
    #[error("{}no answer of the upstream: {reason}", if *retried { "after retries " } else { "" })]
    UpstreamReset {
        /// Failure of the last attempt.
        reason: ResetReason,
        /// True if the last attempt was a retry.
        retried: bool,
    },
}

/// The visible properties of a rejection: status, flag and text of the response.
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
    /// Returns the common case: 503, gRPC's `UNAVAILABLE`, and an upstream that was not called.
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
    /// Returns the rejection in a response that this crate created.
    #[must_use]
    pub fn of<B>(response: &Response<B>) -> Option<&Self> {
        response.extensions().get()
    }

    /// Returns the name of the rejecting policy, as a metric label.
    #[must_use]
    pub const fn policy(self) -> &'static str {
        self.spec().policy
    }

    /// Returns Envoy's response flag for the same response, as in its access log.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        self.spec().flag
    }

    /// Returns the time to wait before a retry, if it is known.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        self.spec().retry_after
    }

    /// Returns the response status for an HTTP caller.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.spec().status
    }

    /// Returns the response status for a gRPC caller: Envoy's, so a timeout is `UNAVAILABLE`.
    #[must_use]
    pub const fn grpc_status(self) -> GrpcStatus {
        self.spec().grpc_status
    }

    /// Returns the outcome that the outer policies observe.
    pub(crate) const fn outcome(self) -> Outcome {
        self.spec().outcome
    }

    /// Returns the properties of this rejection; status, flag and text are Envoy's.
    const fn spec(self) -> RejectionSpec {
        match self {
            Self::AccessDenied(reason) => RejectionSpec {
                grpc_status: GrpcStatus::PERMISSION_DENIED,
                status: StatusCode::FORBIDDEN,
                ..RejectionSpec::unavailable("authorization", reason.flag(), reason.text())
            },
            Self::BadRequest(_) => RejectionSpec {
                grpc_status: GrpcStatus::INTERNAL,
                status: StatusCode::BAD_REQUEST,
                ..RejectionSpec::unavailable("mesh", "DPE", "")
            },
            Self::CircuitOpen { retry_after, .. } => RejectionSpec {
                retry_after,
                ..RejectionSpec::unavailable("circuit_breaker", "UH", "no healthy upstream")
            },
            Self::CorsPreflight => RejectionSpec {
                grpc_status: GrpcStatus::OK,
                outcome: Outcome::Status(StatusCode::OK),
                status: StatusCode::OK,
                ..RejectionSpec::unavailable("cors", "-", "")
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
            // Envoy has no flag for it.
            Self::Overflow(Overflow::Adaptive(_)) => {
                RejectionSpec::unavailable("adaptive_concurrency", "-", "reached concurrency limit")
            }
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
                // The upstream was called and did not respond, so this counts against it.
                outcome: Outcome::Failed(Failure::Timeout),
                status: StatusCode::GATEWAY_TIMEOUT,
                ..RejectionSpec::unavailable("timeout", "UT", TIMEOUT)
            },
            #[cfg(feature = "jwt")]
            Self::Unauthenticated(status) => RejectionSpec {
                grpc_status: status.grpc_status(),
                status: status.status(),
                // Envoy has no flag for it.
                ..RejectionSpec::unavailable("jwt", "-", status.text())
            },
            Self::UnknownCoding => RejectionSpec {
                grpc_status: GrpcStatus::UNIMPLEMENTED,
                status: StatusCode::NOT_IMPLEMENTED,
                ..RejectionSpec::unavailable("mesh", "DPE", "")
            },
            Self::UnknownDestination => RejectionSpec::unavailable("traffic_split", "NC", ""),
            // Istio's `BlackHoleCluster` responds with this status.
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

    /// Creates the response: for a gRPC caller, HTTP 200 with the status in the headers.
    pub(crate) fn into_response(self, grpc: bool) -> Response<LocalReplyBody> {
        let facts = self.spec();
        let mut response = if grpc { facts.grpc() } else { facts.plain() };
        let headers = response.headers_mut();
        if let Some(retry_after) = facts.retry_after {
            let seconds = HeaderValue::from(whole_seconds(retry_after));
            headers.insert(header::RETRY_AFTER, seconds);
        }
        if grpc {
            error_details::insert(headers, self);
        }
        if matches!(self, Self::Overflow(overflow) if !matches!(overflow, Overflow::Adaptive(_))) {
            // Envoy sets this header on its overflow responses, too, but not on those of its adaptive limit.
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

/// Rounds up, to at least 1: a caller that waits 0 seconds retries too early.
pub(super) fn whole_seconds(duration: Duration) -> u64 {
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
