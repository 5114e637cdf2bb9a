//! Events of the policies, and their observers.

mod emitter;
mod event;
mod event_kind;
#[cfg(feature = "istio")]
mod joined_observers;
mod observe;
mod recording_observer;
pub(crate) mod request;
mod tracing_observer;

#[cfg(feature = "istio")]
pub(crate) use emitter::local_reply;
pub(crate) use emitter::{Emitter, named};
pub use event::Event;
pub use event_kind::EventKind;
#[cfg(feature = "istio")]
pub(crate) use joined_observers::JoinedObservers;
pub use observe::Observe;
pub use recording_observer::RecordingObserver;
pub use request::completion::Completion;
pub use tracing_observer::TracingObserver;
