use crate::istio::config::Location;
use crate::policies::telemetry::{TraceAttemptLayer, TracePolicy};

/// Spans of the attempts of one client, whose headers depend on the place of the destination.
pub(in crate::mesh) struct TraceAttempts {
    external: TraceAttemptLayer,
    internal: TraceAttemptLayer,
}

impl TraceAttempts {
    pub(in crate::mesh) fn new(trace: &TracePolicy) -> Self {
        Self {
            external: TraceAttemptLayer::new(trace.clone()),
            internal: TraceAttemptLayer::new(trace.clone().internal()),
        }
    }

    pub(in crate::mesh) const fn to(&self, location: Location) -> &TraceAttemptLayer {
        match location {
            Location::External => &self.external,
            Location::Internal => &self.internal,
        }
    }
}
