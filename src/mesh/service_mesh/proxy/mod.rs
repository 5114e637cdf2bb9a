//! State of one workload or gateway.

mod authorization;
pub(crate) mod config;
pub(crate) mod discarded;
mod inbound;
pub(crate) mod memory;
pub(crate) mod role;
pub(crate) mod sources;
pub(crate) mod state;
