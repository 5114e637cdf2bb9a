//! Connections to the endpoints of a cluster.

#[cfg(feature = "reqwest")]
pub(crate) mod client_connector;
pub(crate) mod connector;
#[cfg(feature = "reqwest")]
pub(crate) mod dialer;
#[cfg(feature = "reqwest")]
pub(crate) mod endpoint_transport;
#[cfg(feature = "reqwest")]
pub(crate) mod place;
