//! Virtual hosts and routes of one proxy.

mod destinations;
pub(crate) mod listener_port;
pub(crate) mod route;
pub(crate) mod router_state;
pub(crate) mod service;
pub(crate) mod table;
pub(crate) mod upstream;
