//! Lines of the log.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::EventKind;

impl Display for EventKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdminAction(text) => write!(f, "operator: {text}"),
            Self::AttemptCompleted(done) if done.retries == 0 => {
                write!(f, "attempt completed: {done}")
            }
            Self::AttemptCompleted(done) => write!(f, "retry {} completed: {done}", done.retries),
            Self::Audited => f.write_str("request audited"),
            Self::BodyTimedOut(elapsed) => write!(f, "response body cut off: {elapsed}"),
            Self::CanaryAborted { canary, decision }
            | Self::CanaryAdvanced { canary, decision } => {
                write!(f, "canary {canary}: {decision}")
            }
            Self::CertificateExpiring { expires_in } => {
                write!(f, "certificate expires in {}", Days(*expires_in))
            }
            Self::CertificateNotLoaded { reason } => {
                write!(f, "certificates not replaced: {reason}")
            }
            Self::CertificateRotated { expires_in } => {
                write!(f, "certificates replaced: expire in {}", Days(*expires_in))
            }
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
            Self::ConcurrencyLimitChanged {
                baseline,
                latency,
                limit,
                previous,
            } => {
                write!(f, "limit {limit}, was {previous}: p50 {latency:.3?}")?;
                match baseline {
                    Some(baseline) => write!(f, " against {baseline:.3?}"),
                    None => Ok(()),
                }
            }
            Self::EjectionSuppressed { endpoint, reason } => {
                write!(f, "ejection of {endpoint} suppressed: {reason}")
            }
            Self::EndpointEjected { endpoint, reason } => {
                write!(f, "endpoint {endpoint} ejected: {reason}")
            }
            Self::EndpointUnejected(endpoint) => write!(f, "endpoint {endpoint} unejected"),
            Self::HandshakeFailed {
                failures,
                peer,
                reason,
            } => {
                write!(
                    f,
                    "TLS handshake with {peer} failed: {reason}; failures of the address: {failures}"
                )
            }
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
            Self::PlaintextAccepted { connections, peer } => write!(
                f,
                "plain text accepted from {peer}, which STRICT would close; connections: {connections}"
            ),
            Self::PlaintextRefused { connections, peer } => write!(
                f,
                "plain text from {peer} refused: the port accepts only mutual TLS; connections: {connections}"
            ),
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

/// Time in days and hours, or as it is below two hours.
struct Days(Duration);

impl Display for Days {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let hours = self.0.as_secs() / 3_600;
        if hours < 2 {
            write!(f, "{} s", self.0.as_secs())
        } else {
            write!(f, "{} d {} h", hours / 24, hours % 24)
        }
    }
}
