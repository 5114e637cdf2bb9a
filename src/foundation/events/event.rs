use std::fmt::Debug;
use std::time::Duration;

use crate::foundation::endpoints::Endpoint;
use crate::foundation::outcome::{
    DnsFailure, EjectionReason, Elapsed, Failure, MirrorDropReason, OpenReason, Rejection,
    RetryStopReason,
};

/// A state change or decision of a policy that operators want to observe.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
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
    /// A failed request is not retried, although the policy names the failure.
    RetryStopped(RetryStopReason),
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

// Called from `Drop` while a panic unwinds: a second panic would abort the process.
/// Receives events; called outside every lock and from `Drop`, so it must not panic.
pub trait Observe: Debug + Send + Sync + 'static {
    /// Records `event`.
    fn on_event(&self, event: &Event);
}

/// Ignores every event.
impl Observe for () {
    fn on_event(&self, _event: &Event) {}
}

/// Writes each event to [`tracing`]; the default observer of a layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

impl Observe for TracingObserver {
    fn on_event(&self, event: &Event) {
        match event {
            Event::BodyTimedOut(elapsed) => {
                tracing::debug!(policy = "timeout", "response body cut off: {elapsed}");
            }
            Event::CircuitClosed => tracing::info!("circuit closed"),
            Event::CircuitHalfOpened => tracing::info!("circuit half open"),
            Event::CircuitOpened { open_for, reason } => {
                let open_for = open_for.map(tracing::field::debug);
                tracing::warn!(
                    reason = reason.label(),
                    open_for,
                    "circuit opened: {reason}"
                );
            }
            Event::CircuitRecovering { ramp } => tracing::info!(?ramp, "circuit recovering"),
            Event::CircuitWouldOpen { reason } => {
                tracing::warn!(
                    reason = reason.label(),
                    "circuit would have opened: {reason}"
                );
            }
            Event::EndpointEjected { endpoint, reason } => {
                tracing::warn!(%endpoint, reason = reason.label(), "endpoint ejected: {reason}");
            }
            Event::EndpointUnejected(endpoint) => tracing::info!(%endpoint, "endpoint unejected"),
            Event::EjectionSuppressed { endpoint, reason } => {
                tracing::info!(%endpoint, reason = reason.label(), "ejection suppressed: {reason}");
            }
            Event::RetryStopped(reason) => {
                tracing::debug!(
                    policy = "retry",
                    reason = reason.label(),
                    "retry stopped: {reason}"
                );
            }
            Event::MirrorDropped(reason) => {
                tracing::debug!(
                    policy = "mirror",
                    reason = reason.label(),
                    "mirrored copy dropped: {reason}"
                );
            }
            Event::MirrorFailed(failure) => {
                tracing::debug!(policy = "mirror", ?failure, "mirrored copy failed");
            }
            Event::NameResolved { endpoints, name } => {
                tracing::info!(policy = "dns", %name, endpoints, "name resolved");
            }
            Event::NameUnresolved { name, reason } => {
                let reason = reason.label();
                tracing::warn!(policy = "dns", %name, reason, "name not resolved: {reason}");
            }
            Event::Rejected(rejection) => {
                tracing::debug!(policy = rejection.policy(), "rejected: {rejection}");
            }
            Event::Retrying { retry, wait } => {
                tracing::debug!(policy = "retry", retry, ?wait, "retrying");
            }
            Event::StreamTimedOut(total) => {
                tracing::warn!(
                    policy = "timeout",
                    "a total timeout of {total:?} cuts off event streams; use \
                     `TimeoutPolicy::head` with an idle timeout (logged once)"
                );
            }
            Event::WouldReject(rejection) => {
                tracing::debug!(policy = rejection.policy(), "would reject: {rejection}");
            }
        }
    }
}
