use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Event, EventKind, Observe};
use crate::foundation::outcome::Source;

/// Memory of the newest events, for a test. Clones share them.
///
/// Its default keeps 10 000 events.
#[derive(Clone, Debug)]
pub struct RecordingObserver {
    capacity: usize,
    is_for_requests: bool,
    shared: Arc<Mutex<Recorded>>,
}

#[derive(Debug, Default)]
struct Recorded {
    dropped: u64,
    events: VecDeque<(EventKind, Arc<Source>)>,
}

impl RecordingObserver {
    /// Creates a memory of `capacity` events, from which the oldest are dropped first. With 0 it keeps none.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            is_for_requests: false,
            shared: Arc::default(),
        }
    }

    /// Records the end of each request and of each attempt too, if `true`. The default is `false`.
    #[must_use]
    pub const fn with_requests(mut self, requests: bool) -> Self {
        self.is_for_requests = requests;
        self
    }

    /// Returns the events in the order in which they were observed.
    #[must_use]
    pub fn events(&self) -> Vec<EventKind> {
        let recorded = self.lock();
        recorded.events.iter().map(|one| one.0.clone()).collect()
    }

    /// Returns the [names](Event::name) of the events, such as `circuit_opened`, in the order in which they were observed.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let recorded = self.lock();
        recorded.events.iter().map(|one| one.0.name()).collect()
    }

    /// Removes and returns the events with their sources, in the order in which they were observed.
    #[must_use]
    pub fn take(&self) -> Vec<(EventKind, Arc<Source>)> {
        std::mem::take(&mut self.lock().events).into()
    }

    /// Returns the number of events that were dropped because newer ones came.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Counts the events of a [name](Event::name), such as `circuit_opened`.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.names().iter().filter(|one| **one == name).count()
    }

    /// Asserts that `is` returns `true` for an event.
    ///
    /// # Panics
    ///
    /// Without such an event; the text lists all events.
    #[track_caller]
    pub fn assert_any(&self, is: impl Fn(&Event<'_>) -> bool) {
        let (found, dropped) = (self.find(is), self.dropped());
        assert!(
            found.is_some(),
            "no such event among these ({dropped} dropped): {:#?}",
            self.events()
        );
    }

    /// Asserts that `is` returns `true` for none of the events.
    ///
    /// # Panics
    ///
    /// With such an event, which the text shows, and if events were dropped.
    #[track_caller]
    pub fn assert_none(&self, is: impl Fn(&Event<'_>) -> bool) {
        let (found, dropped) = (self.find(is), self.dropped());
        assert!(found.is_none(), "unexpected event: {found:#?}");
        assert!(
            dropped == 0,
            "{dropped} events were dropped: the capacity of {} is too small",
            self.capacity
        );
    }

    fn find(&self, is: impl Fn(&Event<'_>) -> bool) -> Option<(EventKind, Arc<Source>)> {
        // Not under the lock: `is` is foreign code.
        let all = self.lock().events.clone();
        all.into_iter()
            .find(|(kind, source)| is(&Event::new(kind, source)))
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        // Each change is consistent by itself, so a poisoned lock is still usable.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for RecordingObserver {
    fn default() -> Self {
        Self::new(10_000)
    }
}

impl Observe for RecordingObserver {
    fn on_event(&self, event: &Event<'_>) {
        let mut recorded = self.lock();
        let kept = (event.kind().clone(), Arc::clone(event.source()));
        recorded.events.push_back(kept);
        if recorded.events.len() > self.capacity {
            recorded.events.pop_front();
            recorded.dropped += 1;
        }
    }

    fn observes_requests(&self) -> bool {
        self.is_for_requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(recording: &RecordingObserver, kinds: &[EventKind]) {
        let source = Arc::new(Source::default());
        for kind in kinds {
            recording.on_event(&Event::new(kind, &source));
        }
    }

    fn is_closed(event: &Event<'_>) -> bool {
        event.name() == "circuit_closed"
    }

    #[test]
    fn the_newest_events_are_kept_in_order_and_clones_share_them() {
        let recording = RecordingObserver::new(2);
        let kinds = [
            EventKind::CircuitClosed,
            EventKind::CircuitHalfOpened,
            EventKind::CircuitClosed,
        ];
        record(&recording.clone(), &kinds);
        assert_eq!(recording.names(), ["circuit_half_opened", "circuit_closed"]);
        assert_eq!(recording.events(), kinds[1..]);
        assert_eq!(
            (recording.count("circuit_closed"), recording.dropped()),
            (1, 1)
        );
        recording.assert_any(is_closed);
        assert_eq!(recording.take().len(), 2);
        assert!(recording.events().is_empty());
    }

    #[test]
    fn a_memory_of_no_events_keeps_none() {
        let recording = RecordingObserver::new(0);
        record(&recording, &[EventKind::CircuitClosed]);
        assert_eq!((recording.events().len(), recording.dropped()), (0, 1));
    }

    #[test]
    #[should_panic(expected = "no such event among these (0 dropped): [\n    CircuitHalfOpened")]
    fn an_event_that_is_missing_is_listed_with_those_that_are_there() {
        let recording = RecordingObserver::default();
        record(&recording, &[EventKind::CircuitHalfOpened]);
        recording.assert_any(is_closed);
    }

    #[test]
    #[should_panic(expected = "unexpected event")]
    fn an_unexpected_event_is_shown() {
        let recording = RecordingObserver::default();
        record(&recording, &[EventKind::CircuitClosed]);
        recording.assert_none(is_closed);
    }

    #[test]
    #[should_panic(expected = "1 events were dropped: the capacity of 1 is too small")]
    fn nothing_is_claimed_about_events_that_were_dropped() {
        let recording = RecordingObserver::new(1);
        let half_opened = EventKind::CircuitHalfOpened;
        record(&recording, &[half_opened.clone(), half_opened]);
        recording.assert_none(is_closed);
    }
}
