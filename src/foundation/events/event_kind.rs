use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::Completion;
use crate::foundation::endpoints::Endpoint;
use crate::foundation::outcome::{
    DnsFailure, EjectionReason, Elapsed, Failure, MirrorDropReason, OpenReason, Rejection,
    RetryStopReason,
};

/// State change or decision of a policy, or the end of a request.
///
/// Its [`Display`] is the line in the log.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EventKind {
    /// An attempt ended. Reported by the trace layers of attempts, to an observer that
    /// [wants it](super::Observe::observes_requests).
    AttemptCompleted(Completion),
    /// A rule of an authorization policy with the action `AUDIT` matches a request; the source names it.
    Audited,
    /// A timeout cut off the body of a response.
    BodyTimedOut(Elapsed),
    /// A circuit breaker admits every request again.
    CircuitClosed,
    /// A circuit breaker admits single probes, to test the upstream.
    CircuitHalfOpened,
    /// A circuit breaker rejects requests to the upstream.
    CircuitOpened {
        /// Time until the next probe; `None` if opened by hand, until further notice.
        open_for: Option<Duration>,
        /// The threshold or command that opened it.
        reason: OpenReason,
    },
    /// A circuit breaker admits a rising share of the requests.
    CircuitRecovering {
        /// Time until all requests are admitted.
        ramp: Duration,
    },
    /// A circuit breaker in dry run would have opened.
    CircuitWouldOpen {
        /// The threshold that was crossed.
        reason: OpenReason,
    },
    /// An endpoint is an outlier; the load balancer skips it from now on.
    EndpointEjected {
        /// The outlier.
        endpoint: Endpoint,
        /// The criterion that it failed.
        reason: EjectionReason,
    },
    /// An ejected endpoint receives requests again.
    EndpointUnejected(Endpoint),
    /// An endpoint is an outlier but stays in rotation: the ejection limit is reached, or the
    /// policy enforces this criterion for a share of the cases.
    EjectionSuppressed {
        /// The outlier.
        endpoint: Endpoint,
        /// The criterion that it failed.
        reason: EjectionReason,
    },
    /// The keys of an issuer were fetched; the new ones hold from now on.
    #[cfg(feature = "jwt")]
    JwksFetched {
        /// Number of keys.
        keys: usize,
        /// The URI as configured.
        uri: Box<str>,
    },
    /// The keys of an issuer could not be fetched; the fetch is repeated after a wait.
    #[cfg(feature = "jwt")]
    JwksUnavailable {
        /// Age of the last keys, which still hold; `None` if there are none or they are too old, so that each token is
        /// refused.
        kept: Option<Duration>,
        /// The cause of the failure.
        reason: Box<str>,
        /// The URI as configured.
        uri: Box<str>,
    },
    /// The mirrored copy of a request was not sent, or was cancelled; the request itself is
    /// unaffected.
    MirrorDropped(MirrorDropReason),
    /// The mirrored copy of a request failed; the request itself is unaffected.
    MirrorFailed(Failure),
    /// A name resolved to different endpoints, or resolved again after a failure.
    NameResolved {
        /// Number of endpoints that the name resolves to.
        endpoints: usize,
        /// The name as configured.
        name: Box<str>,
    },
    /// A name could not be resolved; resolution is retried after a wait.
    NameUnresolved {
        /// The name as configured.
        name: Box<str>,
        /// The cause of the failure.
        reason: DnsFailure,
    },
    /// A policy of this crate rejected a request locally.
    Rejected(Rejection),
    /// A request ended, with all its attempts; counted once, whatever answered it. Reported by the
    /// trace layers of clients and servers, to an observer that
    /// [wants it](super::Observe::observes_requests).
    RequestCompleted(Completion),
    /// A failed request is not retried, although the policy names the failure.
    RetryStopped(RetryStopReason),
    /// A request is retried after a wait.
    Retrying {
        /// Number of the retry; 1 is the first.
        retry: u32,
        /// Wait before the attempt.
        wait: Duration,
    },
    /// A total timeout of this length cut off an event stream (`text/event-stream`), which needs a timeout to its
    /// head and an idle timeout instead. Emitted once by each timeout layer.
    StreamTimedOut(Duration),
    /// A policy of this crate in dry run would have rejected a request.
    WouldReject(Rejection),
}

impl EventKind {
    /// Returns the name, such as `circuit_opened`: stable, for labels.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AttemptCompleted(_) => "attempt_completed",
            Self::Audited => "audited",
            Self::BodyTimedOut(_) => "body_timed_out",
            Self::CircuitClosed => "circuit_closed",
            Self::CircuitHalfOpened => "circuit_half_opened",
            Self::CircuitOpened { .. } => "circuit_opened",
            Self::CircuitRecovering { .. } => "circuit_recovering",
            Self::CircuitWouldOpen { .. } => "circuit_would_open",
            Self::EjectionSuppressed { .. } => "ejection_suppressed",
            Self::EndpointEjected { .. } => "endpoint_ejected",
            Self::EndpointUnejected(_) => "endpoint_unejected",
            #[cfg(feature = "jwt")]
            Self::JwksFetched { .. } => "jwks_fetched",
            #[cfg(feature = "jwt")]
            Self::JwksUnavailable { .. } => "jwks_unavailable",
            Self::MirrorDropped(_) => "mirror_dropped",
            Self::MirrorFailed(_) => "mirror_failed",
            Self::NameResolved { .. } => "name_resolved",
            Self::NameUnresolved { .. } => "name_unresolved",
            Self::Rejected(_) => "rejected",
            Self::RequestCompleted(_) => "request_completed",
            Self::RetryStopped(_) => "retry_stopped",
            Self::Retrying { .. } => "retrying",
            Self::StreamTimedOut(_) => "stream_timed_out",
            Self::WouldReject(_) => "would_reject",
        }
    }

    /// Returns the policy that reports it, by its module: `retry`, `circuit_breaker`, `dns`;
    /// `telemetry` for the end of a request or attempt.
    #[must_use]
    pub const fn policy(&self) -> &'static str {
        match self {
            Self::AttemptCompleted(_) | Self::RequestCompleted(_) => "telemetry",
            Self::Audited => "authorization",
            Self::BodyTimedOut(_) | Self::StreamTimedOut(_) => "timeout",
            Self::CircuitClosed
            | Self::CircuitHalfOpened
            | Self::CircuitOpened { .. }
            | Self::CircuitRecovering { .. }
            | Self::CircuitWouldOpen { .. } => "circuit_breaker",
            Self::EjectionSuppressed { .. }
            | Self::EndpointEjected { .. }
            | Self::EndpointUnejected(_) => "outlier_detection",
            #[cfg(feature = "jwt")]
            Self::JwksFetched { .. } | Self::JwksUnavailable { .. } => "jwt",
            Self::MirrorDropped(_) | Self::MirrorFailed(_) => "mirror",
            Self::NameResolved { .. } | Self::NameUnresolved { .. } => "dns",
            Self::Rejected(rejection) | Self::WouldReject(rejection) => rejection.policy(),
            Self::RetryStopped(_) | Self::Retrying { .. } => "retry",
        }
    }

    /// Returns the endpoint that it concerns, if it is known.
    #[must_use]
    pub const fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::AttemptCompleted(done) | Self::RequestCompleted(done) => done.endpoint.as_ref(),
            Self::EjectionSuppressed { endpoint, .. }
            | Self::EndpointEjected { endpoint, .. }
            | Self::EndpointUnejected(endpoint) => Some(endpoint),
            _ => None,
        }
    }

    /// Returns the result of a request or an attempt; none for a decision.
    #[must_use]
    pub const fn completion(&self) -> Option<&Completion> {
        match self {
            Self::AttemptCompleted(done) | Self::RequestCompleted(done) => Some(done),
            _ => None,
        }
    }

    /// Returns the reason as a label; none for an event without one.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::CircuitOpened { reason, .. } | Self::CircuitWouldOpen { reason } => {
                Some(reason.label())
            }
            Self::EjectionSuppressed { reason, .. } | Self::EndpointEjected { reason, .. } => {
                Some(reason.label())
            }
            Self::MirrorDropped(reason) => Some(reason.label()),
            Self::MirrorFailed(failure) => Some(failure.name()),
            Self::NameUnresolved { reason, .. } => Some(reason.label()),
            Self::RetryStopped(reason) => Some(reason.label()),
            Self::Rejected(Rejection::AccessDenied(reason))
            | Self::WouldReject(Rejection::AccessDenied(reason)) => Some(reason.label()),
            _ => None,
        }
    }
}

impl Display for EventKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttemptCompleted(done) if done.retries == 0 => {
                write!(f, "attempt completed: {done}")
            }
            Self::AttemptCompleted(done) => write!(f, "retry {} completed: {done}", done.retries),
            Self::Audited => f.write_str("request audited"),
            Self::BodyTimedOut(elapsed) => write!(f, "response body cut off: {elapsed}"),
            Self::CircuitClosed => f.write_str("circuit closed"),
            Self::CircuitHalfOpened => f.write_str("circuit half open"),
            Self::CircuitOpened { open_for, reason } => {
                write!(f, "circuit opened: {reason}")?;
                match open_for {
                    Some(open_for) => write!(f, "; next probe in {open_for:?}"),
                    None => Ok(()),
                }
            }
            Self::CircuitRecovering { ramp } => write!(f, "circuit recovering within {ramp:?}"),
            Self::CircuitWouldOpen { reason } => write!(f, "circuit would have opened: {reason}"),
            Self::EjectionSuppressed { endpoint, reason } => {
                write!(f, "ejection of {endpoint} suppressed: {reason}")
            }
            Self::EndpointEjected { endpoint, reason } => {
                write!(f, "endpoint {endpoint} ejected: {reason}")
            }
            Self::EndpointUnejected(endpoint) => write!(f, "endpoint {endpoint} unejected"),
            #[cfg(feature = "jwt")]
            Self::JwksFetched { keys, uri } => write!(f, "keys of {uri} fetched: {keys}"),
            #[cfg(feature = "jwt")]
            Self::JwksUnavailable { kept, reason, uri } => match kept {
                Some(age) => write!(
                    f,
                    "keys of {uri} not fetched, those of {age:?} ago hold: {reason}"
                ),
                None => write!(f, "keys of {uri} not fetched, tokens are refused: {reason}"),
            },
            Self::MirrorDropped(reason) => write!(f, "mirrored copy dropped: {reason}"),
            Self::MirrorFailed(failure) => write!(f, "mirrored copy failed: {}", failure.name()),
            Self::NameResolved { endpoints, name } => {
                write!(f, "name {name} resolved: endpoints {endpoints}")
            }
            Self::NameUnresolved { name, reason } => {
                write!(f, "name {name} not resolved: {reason}")
            }
            Self::Rejected(rejection) => write!(f, "rejected: {rejection}"),
            Self::RequestCompleted(done) => write!(f, "request completed: {done}"),
            Self::RetryStopped(reason) => write!(f, "retry stopped: {reason}"),
            Self::Retrying { retry, wait } => write!(f, "retry {retry} in {wait:?}"),
            Self::StreamTimedOut(total) => write!(
                f,
                "a total timeout of {total:?} cuts off event streams; use `TimeoutPolicy::head` with an idle \
                 timeout (logged once)"
            ),
            Self::WouldReject(rejection) => write!(f, "would reject: {rejection}"),
        }
    }
}
