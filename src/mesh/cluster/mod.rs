//! Clusters: destinations with their endpoints and connections.

pub(crate) mod connect;
pub(crate) mod destination;
pub(crate) mod dns;
pub(crate) mod endpoint_service;
pub(crate) mod reach;
pub(crate) mod source;
