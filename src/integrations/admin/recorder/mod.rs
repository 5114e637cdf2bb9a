//! Memory of the page: the newest events, and the requests of the last minute.

mod latency;
mod ring;
mod traffic;

pub(super) use ring::RecordedEvent;
pub(super) use traffic::{EdgeTraffic, EndpointCounts};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use self::ring::Ring;
use self::traffic::Traffic;
use crate::foundation::events::{Event, EventKind, Observe};
use crate::foundation::outcome::Source;
use crate::foundation::time::clock;

/// Number of events that a slow reader of the stream may be behind before it misses some.
const STREAM_CAPACITY: usize = 256;

/// Observer that remembers what the page shows. Everything in it is bounded.
#[derive(Debug)]
pub(super) struct Recorder {
    ring: Mutex<Ring>,
    stream: broadcast::Sender<Arc<RecordedEvent>>,
    traffic: Mutex<Traffic>,
}

impl Recorder {
    /// Returns the newest events, oldest first.
    pub(super) fn events(&self) -> Vec<Arc<RecordedEvent>> {
        lock(&self.ring).events()
    }

    /// Returns the events from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<RecordedEvent>> {
        self.stream.subscribe()
    }

    /// Returns the requests of the last minute, by their sources.
    pub(super) fn requests(&self) -> Vec<(Arc<Source>, EdgeTraffic)> {
        lock(&self.traffic).edges(clock::now())
    }

    /// Returns the attempts so far, by the ids of their endpoints.
    pub(super) fn attempts(&self) -> HashMap<u64, EndpointCounts> {
        lock(&self.traffic).endpoints()
    }
}

impl Observe for Recorder {
    fn on_event(&self, event: &Event<'_>) {
        match event.kind() {
            EventKind::RequestCompleted(done) => {
                lock(&self.traffic).request(event.source(), done, clock::now());
            }
            EventKind::AttemptCompleted(done) => lock(&self.traffic).attempt(done),
            kind => {
                let recorded = lock(&self.ring).record(kind, event.source());
                // Without a reader it is dropped.
                let _ = self.stream.send(recorded);
            }
        }
    }

    fn observes_requests(&self) -> bool {
        true
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            ring: Mutex::default(),
            stream: broadcast::Sender::new(STREAM_CAPACITY),
            traffic: Mutex::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is complete by itself, so a poisoned lock is still usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
