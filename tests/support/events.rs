//! Observer that keeps what it hears.

use std::sync::{Arc, Mutex};

use meshless::events::{EventKind, Source};
use meshless::{Event, Observe};

/// Event with its source.
pub(crate) type Observed = (EventKind, Arc<Source>);

/// Events in the order in which they were observed; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events {
    all: Arc<Mutex<Vec<Observed>>>,
    with_requests: bool,
}

impl Events {
    /// Keeps the ends of requests and attempts, too.
    pub(crate) fn with_requests() -> Self {
        Self {
            with_requests: true,
            ..Self::default()
        }
    }

    /// Returns the observer to give to a layer.
    pub(crate) fn observer(&self) -> Arc<Self> {
        Arc::new(self.clone())
    }

    /// Returns the events so far.
    pub(crate) fn all(&self) -> Vec<EventKind> {
        let all = self.all.lock().unwrap();
        all.iter().map(|(kind, _)| kind.clone()).collect()
    }

    /// Returns the events since the last time.
    pub(crate) fn take(&self) -> Vec<EventKind> {
        let all = self.take_with_sources().into_iter();
        all.map(|(kind, _)| kind).collect()
    }

    /// Returns the events since the last time, each with its source.
    pub(crate) fn take_with_sources(&self) -> Vec<Observed> {
        std::mem::take(&mut self.all.lock().unwrap())
    }

    /// Counts the events of one kind.
    pub(crate) fn count(&self, is: impl Fn(&EventKind) -> bool) -> usize {
        self.all().iter().filter(|event| is(event)).count()
    }
}

impl Observe for Events {
    fn on_event(&self, event: &Event<'_>) {
        let event = (event.kind().clone(), Arc::clone(event.source()));
        self.all.lock().unwrap().push(event);
    }

    fn observes_requests(&self) -> bool {
        self.with_requests
    }
}
