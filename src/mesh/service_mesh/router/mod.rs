//! Virtual hosts and routes of one proxy.

pub(crate) mod listener_port;
pub(crate) mod route;
pub(crate) mod router_state;
pub(crate) mod service;
pub(crate) mod table;
pub(crate) mod upstream;
