//! Tier 3: connections, DNS and HTTP clients.

#[cfg(feature = "reqwest")]
pub mod client;
#[cfg(feature = "reqwest")]
pub(crate) mod connect;
#[cfg(feature = "dns")]
pub mod dns;
#[cfg(feature = "tonic")]
pub mod grpc;
#[cfg(feature = "mtls")]
pub mod mtls;
#[cfg(feature = "hyper")]
pub mod pool;
