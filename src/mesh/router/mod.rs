//! Virtual hosts and routes of one proxy.

pub(crate) mod consumed;
pub(crate) mod discarded;
pub(crate) mod follow;
pub(crate) mod inbound_limits;
pub(crate) mod known_clusters;
pub(crate) mod leftover;
pub(crate) mod limits;
pub(crate) mod local_reply;
pub(crate) mod mesh_transport;
pub(crate) mod mirrors;
pub(crate) mod route_service;
pub(crate) mod router_state;
pub(crate) mod service;
pub(crate) mod stack_table;
pub(crate) mod to_transport;
pub(crate) mod unnamed;
pub(crate) mod virtual_host_stack;
