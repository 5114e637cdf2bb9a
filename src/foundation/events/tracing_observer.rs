use super::{Event, EventKind, Observe};
use crate::foundation::outcome::Direction;

/// Writes each event to [`tracing`]; the default observer of a layer.
///
/// The message is the event's [`Display`](std::fmt::Display); the fields are its name, its policy and
/// its source.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

/// Writes one event; the macros of `tracing` need their level at compile time.
macro_rules! write_event {
    ($level:ident, $event:expr) => {{
        let event: &Event<'_> = $event;
        let source = event.source();
        let origin = source.origin().map(tracing::field::display);
        let endpoint = event.endpoint().map(tracing::field::display);
        tracing::$level!(
            event = event.name(),
            policy = event.policy(),
            reason = event.reason(),
            layer = source.name(),
            workload = source.workload(),
            namespace = source.namespace(),
            direction = source.direction().map(Direction::label),
            host = source.host(),
            cluster = source.cluster(),
            route = source.route(),
            rule = source.rule(),
            endpoint,
            origin,
            "{event}"
        );
    }};
}

impl Observe for TracingObserver {
    fn on_event(&self, event: &Event<'_>) {
        match event.kind() {
            EventKind::AdminAction(_)
            | EventKind::CanaryAborted { .. }
            | EventKind::CertificateExpiring { .. }
            | EventKind::CertificateNotLoaded { .. }
            | EventKind::CircuitOpened { .. }
            | EventKind::CircuitWouldOpen { .. }
            | EventKind::EndpointEjected { .. }
            | EventKind::HandshakeFailed { .. }
            | EventKind::NameUnresolved { .. }
            | EventKind::PlaintextRefused { .. }
            | EventKind::StreamTimedOut(_) => write_event!(warn, event),
            #[cfg(feature = "jwt")]
            EventKind::JwksUnavailable { .. } => write_event!(warn, event),
            #[cfg(feature = "jwt")]
            EventKind::JwksFetched { .. } => write_event!(info, event),
            EventKind::Audited
            | EventKind::CanaryAdvanced { .. }
            | EventKind::CertificateRotated { .. }
            | EventKind::CircuitClosed
            | EventKind::CircuitHalfOpened
            | EventKind::CircuitRecovering { .. }
            | EventKind::EjectionSuppressed { .. }
            | EventKind::EndpointUnejected(_)
            | EventKind::NameResolved { .. }
            | EventKind::PlaintextAccepted { .. } => write_event!(info, event),
            EventKind::AttemptCompleted(_)
            | EventKind::BodyTimedOut(_)
            | EventKind::ConcurrencyLimitChanged { .. }
            | EventKind::MirrorDropped(_)
            | EventKind::MirrorFailed(_)
            | EventKind::Rejected(_)
            | EventKind::RequestCompleted(_)
            | EventKind::RetryStopped(_)
            | EventKind::Retrying { .. }
            | EventKind::WouldReject(_) => write_event!(debug, event),
        }
    }
}
