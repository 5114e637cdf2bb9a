use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use super::metrics::Shared;
use crate::foundation::events::{Event, EventKind, Observe};

/// Observer that counts events.
pub(super) struct MetricsObserver {
    shared: Arc<Shared>,
}

impl MetricsObserver {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Observe for MetricsObserver {
    fn on_event(&self, event: &Event<'_>) {
        match event.kind() {
            EventKind::RequestCompleted(done) => self.shared.requests.record(event.source(), done),
            EventKind::AttemptCompleted(done) => self.shared.attempts.record(event.source(), done),
            decision => self.shared.decisions.record(event.source(), decision),
        }
    }

    fn observes_requests(&self) -> bool {
        true
    }
}

impl Debug for MetricsObserver {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsObserver").finish_non_exhaustive()
    }
}
