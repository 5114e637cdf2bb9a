//! Clusters: destinations with their endpoints and connections.

pub(crate) mod body;
#[cfg(feature = "reqwest")]
pub(crate) mod client_connector;
pub(crate) mod destination;
#[cfg(feature = "reqwest")]
pub(crate) mod dialer;
pub(crate) mod dns_subscription;
pub(crate) mod endpoint_service;
#[cfg(feature = "reqwest")]
pub(crate) mod endpoint_transport;
#[cfg(feature = "reqwest")]
pub(crate) mod place;
#[cfg(feature = "reqwest")]
pub(crate) mod proxies;
pub(crate) mod reach;
pub(crate) mod wait_for_dns;
