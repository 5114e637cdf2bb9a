mod text;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Completion;
use crate::foundation::endpoints::Endpoint;
use crate::foundation::outcome::{
    DnsFailure, EjectionReason, Elapsed, Failure, MirrorDropReason, OpenReason, Rejection,
    RetryStopReason,
};
use crate::foundation::tls::HandshakeFailure;

/// State change or decision of a policy, or the end of a request.
///
/// Its [`Display`](std::fmt::Display) is the line in the log.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EventKind {
    /// An operator changed something by the page; the text says what, and who.
    AdminAction(Box<str>),
    /// An attempt ended. Reported by the trace layers of attempts, to an observer that
    /// [wants it](super::Observe::observes_requests).
    AttemptCompleted(Completion),
    /// A rule of an authorization policy with the action `AUDIT` matches a request; the source names it.
    Audited,
    /// A timeout cut off the body of a response.
    BodyTimedOut(Elapsed),
    /// The new version of a rollout is withdrawn.
    CanaryAborted {
        /// Subset of the new version.
        canary: Box<str>,
        /// Weight, verdict, and the reason in numbers.
        decision: Box<str>,
    },
    /// A rollout took a step, or is over without a withdrawal.
    CanaryAdvanced {
        /// Subset of the new version.
        canary: Box<str>,
        /// Weight, verdict, and the reason in numbers.
        decision: Box<str>,
    },
    /// The certificate of a workload expires soon, and the source has no other.
    CertificateExpiring {
        /// Time until it expires; 0 if it is expired.
        expires_in: Duration,
    },
    /// New certificates of a workload cannot be used; the last ones stay.
    CertificateNotLoaded {
        /// The fault, with the file.
        reason: Box<str>,
    },
    /// New certificates of a workload are used for new connections.
    CertificateRotated {
        /// Time until they expire.
        expires_in: Duration,
    },
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
    /// An adaptive limit has changed by a tenth or more since it was last reported.
    ConcurrencyLimitChanged {
        /// The latency against which the algorithm compares; none for AIMD.
        baseline: Option<Duration>,
        /// Median latency of the last window; 0 if it had none.
        latency: Duration,
        /// The new limit.
        limit: u32,
        /// The limit that was last reported.
        previous: u32,
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
    /// The TLS handshake of a caller failed, and its connection was closed. Reported for the 1st, 2nd, 4th, 8th…
    /// failure of an address.
    HandshakeFailed {
        /// Failures of the address so far.
        failures: u64,
        /// Address of the caller.
        peer: SocketAddr,
        /// The reason.
        reason: HandshakeFailure,
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
    /// A port that accepts mutual TLS and plain text (`PERMISSIVE`) accepted a connection in plain text, which `STRICT`
    /// would close. Reported for the 1st, 2nd, 4th, 8th… connection of an address.
    PlaintextAccepted {
        /// Connections of the address in plain text so far.
        connections: u64,
        /// Address of the caller.
        peer: IpAddr,
    },
    /// A port that accepts only mutual TLS (`STRICT`) closed a connection in plain text. Reported for the 1st, 2nd,
    /// 4th, 8th… connection of an address.
    PlaintextRefused {
        /// Connections of the address in plain text so far.
        connections: u64,
        /// Address of the caller.
        peer: IpAddr,
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
            Self::AdminAction(_) => "admin_action",
            Self::AttemptCompleted(_) => "attempt_completed",
            Self::Audited => "audited",
            Self::BodyTimedOut(_) => "body_timed_out",
            Self::CanaryAborted { .. } => "canary_aborted",
            Self::CanaryAdvanced { .. } => "canary_advanced",
            Self::CertificateExpiring { .. } => "certificate_expiring",
            Self::CertificateNotLoaded { .. } => "certificate_not_loaded",
            Self::CertificateRotated { .. } => "certificate_rotated",
            Self::CircuitClosed => "circuit_closed",
            Self::CircuitHalfOpened => "circuit_half_opened",
            Self::CircuitOpened { .. } => "circuit_opened",
            Self::CircuitRecovering { .. } => "circuit_recovering",
            Self::CircuitWouldOpen { .. } => "circuit_would_open",
            Self::ConcurrencyLimitChanged { .. } => "concurrency_limit_changed",
            Self::EjectionSuppressed { .. } => "ejection_suppressed",
            Self::EndpointEjected { .. } => "endpoint_ejected",
            Self::EndpointUnejected(_) => "endpoint_unejected",
            Self::HandshakeFailed { .. } => "handshake_failed",
            #[cfg(feature = "jwt")]
            Self::JwksFetched { .. } => "jwks_fetched",
            #[cfg(feature = "jwt")]
            Self::JwksUnavailable { .. } => "jwks_unavailable",
            Self::MirrorDropped(_) => "mirror_dropped",
            Self::MirrorFailed(_) => "mirror_failed",
            Self::NameResolved { .. } => "name_resolved",
            Self::NameUnresolved { .. } => "name_unresolved",
            Self::PlaintextAccepted { .. } => "plaintext_accepted",
            Self::PlaintextRefused { .. } => "plaintext_refused",
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
            Self::AdminAction(_) => "admin",
            Self::AttemptCompleted(_) | Self::RequestCompleted(_) => "telemetry",
            Self::Audited => "authorization",
            Self::BodyTimedOut(_) | Self::StreamTimedOut(_) => "timeout",
            Self::CanaryAborted { .. } | Self::CanaryAdvanced { .. } => "canary",
            Self::CertificateExpiring { .. }
            | Self::CertificateNotLoaded { .. }
            | Self::CertificateRotated { .. }
            | Self::HandshakeFailed { .. }
            | Self::PlaintextAccepted { .. }
            | Self::PlaintextRefused { .. } => "mtls",
            Self::CircuitClosed
            | Self::CircuitHalfOpened
            | Self::CircuitOpened { .. }
            | Self::CircuitRecovering { .. }
            | Self::CircuitWouldOpen { .. } => "circuit_breaker",
            Self::ConcurrencyLimitChanged { .. } => "adaptive_concurrency",
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
            Self::HandshakeFailed { reason, .. } => Some(reason.label()),
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
