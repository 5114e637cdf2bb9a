//! State of one workload or gateway.

pub(crate) mod memory;
pub(crate) mod proxy_config;
pub(crate) mod role;
pub(crate) mod source;
pub(crate) mod state;
