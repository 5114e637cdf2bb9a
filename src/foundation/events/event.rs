use std::fmt::Debug;
use std::time::Duration;

use crate::foundation::endpoints::Endpoint;
use crate::foundation::outcome::{
    DnsFailure, EjectionReason, Elapsed, Failure, MirrorDropReason, OpenReason, Rejection,
    RetryStopReason,
};

/// Something an operator would want to know.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The body of a response broke off because its time was over.
    BodyTimedOut(Elapsed),
    /// A circuit breaker lets every request through again.
    CircuitClosed,
    /// A circuit breaker lets single requests through, to see how the upstream is.
    CircuitHalfOpened,
    /// A circuit breaker keeps requests away from the upstream.
    CircuitOpened {
        /// For how long; until further notice if it was opened by hand.
        open_for: Option<Duration>,
        /// What opened it.
        reason: OpenReason,
    },
    /// A circuit breaker lets a rising share of the requests through.
    CircuitRecovering {
        /// How long it takes until all of them go through.
        ramp: Duration,
    },
    /// A circuit breaker in dry run would have opened.
    CircuitWouldOpen {
        /// What would have opened it.
        reason: OpenReason,
    },
    /// An outlier was found among the endpoints, and the balancer passes it over from now on.
    EndpointEjected {
        /// Which it is.
        endpoint: Endpoint,
        /// What was wrong with it.
        reason: EjectionReason,
    },
    /// An ejected endpoint is back.
    EndpointUnejected(Endpoint),
    /// An outlier was found among the endpoints, but it stays: so many are out already that one more
    /// is too many, or the policy enforces this only now and then.
    EjectionSuppressed {
        /// Which it is.
        endpoint: Endpoint,
        /// What was wrong with it.
        reason: EjectionReason,
    },
    /// A request that failed is not tried again, though the policy names the failure.
    RetryStopped(RetryStopReason),
    /// The copy of a request was not made, or was given up; the request itself goes on.
    MirrorDropped(MirrorDropReason),
    /// The copy of a request found no answer; the request itself goes on.
    MirrorFailed(Failure),
    /// A name stands for other endpoints than before, or could be resolved again after a failure.
    NameResolved {
        /// How many it stands for.
        endpoints: usize,
        /// The name as it was given.
        name: Box<str>,
    },
    /// A name could not be resolved; it is tried again after a wait.
    NameUnresolved {
        /// The name as it was given.
        name: Box<str>,
        /// What came of it.
        reason: DnsFailure,
    },
    /// A policy of this crate answered a request instead of the upstream.
    Rejected(Rejection),
    /// A request is tried again after a wait; 1 is the first retry.
    Retrying {
        /// The number of the retry.
        retry: u32,
        /// How long it waits.
        wait: Duration,
    },
    /// A total timeout of this length cut off a stream of events (`text/on_event-stream`), which wants an
    /// idle timeout instead. Said once by each timeout layer.
    StreamTimedOut(Duration),
    /// A policy of this crate would have answered, but was told not to.
    WouldReject(Rejection),
}

/// Receives events; called outside every lock and from `Drop`, so it must not panic.
pub trait Observe: Debug + Send + Sync + 'static {
    /// Takes note of `on_event`.
    fn on_event(&self, event: &Event);
}

/// Takes note of nothing.
impl Observe for () {
    fn on_event(&self, _event: &Event) {}
}

/// Writes each event to [`tracing`]; what a layer does unless it is given another observer.
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
            Event::EndpointUnejected(endpoint) => tracing::info!(%endpoint, "endpoint back"),
            Event::EjectionSuppressed { endpoint, reason } => {
                tracing::info!(%endpoint, reason = reason.label(), "endpoint spared: {reason}");
            }
            Event::RetryStopped(reason) => {
                tracing::debug!(
                    policy = "retry",
                    reason = reason.label(),
                    "gave up: {reason}"
                );
            }
            Event::MirrorDropped(reason) => {
                tracing::debug!(
                    policy = "mirror",
                    reason = reason.label(),
                    "copy dropped: {reason}"
                );
            }
            Event::MirrorFailed(failure) => {
                tracing::debug!(policy = "mirror", ?failure, "copy failed");
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
                tracing::debug!(policy = "retry", retry, ?wait, "trying again");
            }
            Event::StreamTimedOut(total) => {
                tracing::warn!(
                    policy = "timeout",
                    "a total timeout of {total:?} cuts off streams of events; give them an idle \
                     timeout and no total (said once)"
                );
            }
            Event::WouldReject(rejection) => {
                tracing::debug!(policy = rejection.policy(), "would reject: {rejection}");
            }
        }
    }
}
