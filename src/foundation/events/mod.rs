//! Events of the policies, and their observers.

pub(crate) mod event;

pub use event::Event;
pub use event::Observe;
pub use event::TracingObserver;
