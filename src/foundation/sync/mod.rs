//! Shared state, atomics and random numbers.

pub(crate) mod debug_changes;
pub(crate) mod hash;
pub(crate) mod percent;
pub(crate) mod primitives;
pub(crate) mod reloadable;
pub(crate) mod rng;
pub(crate) mod sharded_arc;

pub use percent::Percent;
pub(crate) use reloadable::Reloadable;
