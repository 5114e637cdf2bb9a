//! State of one workload or gateway.

mod authorization;
pub(crate) mod config_source;
pub(crate) mod discarded;
pub(crate) mod indexed_outbound;
pub(crate) mod memory;
pub(crate) mod proxy_config;
pub(crate) mod role;
pub(crate) mod sources;
pub(crate) mod state;
