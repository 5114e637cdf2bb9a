//! The deadline of a request, and the headers that carry it.

pub(crate) mod current;
pub(crate) mod headers;
pub(crate) mod queueing;

pub use current::Deadline;
pub(crate) use current::DeadlineGuard;
pub use current::WithDeadline;
