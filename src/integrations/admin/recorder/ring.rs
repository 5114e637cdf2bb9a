use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use crate::foundation::events::{Event, EventKind};
use crate::foundation::outcome::Source;
use crate::foundation::time::clock;

/// Number of remembered events of each class.
const CAPACITY: usize = 200;

/// An event, with its time and its number.
#[derive(Debug)]
pub(in crate::integrations::admin) struct RecordedEvent {
    pub(in crate::integrations::admin) at: SystemTime,
    pub(in crate::integrations::admin) number: u64,
    kind: EventKind,
    source: Arc<Source>,
}

impl RecordedEvent {
    pub(in crate::integrations::admin) const fn event(&self) -> Event<'_> {
        Event::new(&self.kind, &self.source)
    }
}

/// The newest events, in two classes: a thousand rejected requests must not displace the opening of a circuit.
#[derive(Debug, Default)]
pub(super) struct Ring {
    /// Number of events so far.
    count: u64,
    changes: VecDeque<Arc<RecordedEvent>>,
    requests: VecDeque<Arc<RecordedEvent>>,
}

impl Ring {
    pub(super) fn record(&mut self, kind: &EventKind, source: &Arc<Source>) -> Arc<RecordedEvent> {
        self.count += 1;
        let recorded = Arc::new(RecordedEvent {
            at: clock::system_time(),
            number: self.count,
            kind: kind.clone(),
            source: Arc::clone(source),
        });
        let class = if is_about_one_request(kind) {
            &mut self.requests
        } else {
            &mut self.changes
        };
        if class.len() >= CAPACITY {
            class.pop_front();
        }
        class.push_back(Arc::clone(&recorded));
        recorded
    }

    pub(super) fn events(&self) -> Vec<Arc<RecordedEvent>> {
        let mut all: Vec<_> = self.changes.iter().chain(&self.requests).cloned().collect();
        all.sort_by_key(|recorded| recorded.number);
        all
    }
}

/// Returns true for a decision about one request, which may happen with each of them.
const fn is_about_one_request(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::BodyTimedOut(_)
            | EventKind::MirrorDropped(_)
            | EventKind::MirrorFailed(_)
            | EventKind::Rejected(_)
            | EventKind::RetryStopped(_)
            | EventKind::Retrying { .. }
            | EventKind::WouldReject(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::outcome::Rejection;

    #[test]
    fn a_storm_of_rejections_displaces_no_change_of_state() {
        let (mut ring, source) = (Ring::default(), Arc::default());
        ring.record(&EventKind::CircuitHalfOpened, &source);
        for _ in 0..10 * CAPACITY {
            ring.record(&EventKind::Rejected(Rejection::NoHealthyUpstream), &source);
        }
        ring.record(&EventKind::CircuitClosed, &source);
        let events = ring.events();
        assert_eq!(events.len(), CAPACITY + 2);
        let names = [&events[0], &events[CAPACITY + 1]].map(|one| one.event().name());
        assert_eq!(names, ["circuit_half_opened", "circuit_closed"]);
        assert_eq!(events[CAPACITY + 1].number, 10 * CAPACITY as u64 + 2);
    }
}
