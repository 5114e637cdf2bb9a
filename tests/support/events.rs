//! Observer that keeps what it hears.

use std::sync::{Arc, Mutex};

use meshless::{Event, Observe};

/// Events in the order in which they were observed; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    /// Returns the observer to give to a layer.
    pub(crate) fn observer(&self) -> Arc<Self> {
        Arc::new(self.clone())
    }

    /// Returns the events so far.
    pub(crate) fn all(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    /// Returns the events since the last time.
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Counts the events of one kind.
    pub(crate) fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.all().iter().filter(|event| is(event)).count()
    }
}

impl Observe for Events {
    fn on_event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}
