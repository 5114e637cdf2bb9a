//! The stack of a virtual host and of each of its routes.

pub(crate) mod answering;
pub(crate) mod inbound_limits;
pub(crate) mod limits;
pub(crate) mod local_reply;
pub(crate) mod mirrors;
pub(crate) mod route_service;
pub(crate) mod virtual_host_stack;
