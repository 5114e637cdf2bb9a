use std::fmt::Debug;
use std::sync::Arc;

use super::Event;

// Called from `Drop` while a panic unwinds: a second panic would abort the process.
/// Observer of events; called outside every lock and from `Drop`, so it must not panic.
///
/// Two observers in a tuple are one, and so is an observer in an [`Arc`]:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use meshless::telemetry::TracingObserver;
/// use meshless::{Event, Observe};
///
/// #[derive(Debug, Default)]
/// struct Refusals(AtomicU64);
///
/// impl Observe for Refusals {
///     fn on_event(&self, event: &Event<'_>) {
///         if event.name() == "rejected" {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let refusals = Arc::new(Refusals::default());
/// let both = Arc::new((TracingObserver, Arc::clone(&refusals)));
/// let stack = meshless::outbound().with_observer(both).named("openai");
/// # let _ = stack;
/// ```
pub trait Observe: Debug + Send + Sync + 'static {
    /// Records `event`.
    fn on_event(&self, event: &Event<'_>);

    /// Returns true if it also wants the end of each request and of each attempt,
    /// [`RequestCompleted`] and [`AttemptCompleted`]. The default is false: then they cost nothing.
    ///
    /// It is asked once, when a layer or a stack is made.
    ///
    /// [`RequestCompleted`]: crate::events::EventKind::RequestCompleted
    /// [`AttemptCompleted`]: crate::events::EventKind::AttemptCompleted
    fn observes_requests(&self) -> bool {
        false
    }
}

/// Ignores every event.
impl Observe for () {
    fn on_event(&self, _event: &Event<'_>) {}
}

/// Passes each event to both observers, and the ends of requests to those that want them.
impl<A: Observe, B: Observe> Observe for (A, B) {
    fn on_event(&self, event: &Event<'_>) {
        let is_decision = event.kind().completion().is_none();
        if is_decision || self.0.observes_requests() {
            self.0.on_event(event);
        }
        if is_decision || self.1.observes_requests() {
            self.1.on_event(event);
        }
    }

    fn observes_requests(&self) -> bool {
        self.0.observes_requests() || self.1.observes_requests()
    }
}

impl<O: Observe + ?Sized> Observe for Arc<O> {
    fn on_event(&self, event: &Event<'_>) {
        O::on_event(self, event);
    }

    fn observes_requests(&self) -> bool {
        O::observes_requests(self)
    }
}
