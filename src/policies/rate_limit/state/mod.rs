//! State of the limits: global, sharded, or by key, and its migration to another policy.

pub(in crate::policies::rate_limit) mod atomic_state;
pub(crate) mod keyed;
mod migrate;
pub(in crate::policies::rate_limit) mod policy_snapshot;
pub(in crate::policies::rate_limit) mod shards;
pub(in crate::policies::rate_limit) mod store;
