//! Shared state, atomics and random numbers.

pub(crate) mod debug_changes;
pub(crate) mod hash;
pub(crate) mod percent;
pub(crate) mod pooled;
pub(crate) mod primitives;
pub(crate) mod reloadable;
pub(crate) mod rng;
mod sharded;
pub(crate) mod sharded_arc;
mod task_owner;

pub use percent::Percent;
pub(crate) use reloadable::{Reloadable, Switchable};
pub(crate) use sharded::Sharded;
pub(crate) use task_owner::{OwnerHandle, TaskOwner};
