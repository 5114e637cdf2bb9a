//! Connections over TCP: name resolution, proxies and TLS.

#[cfg(feature = "jwt")]
mod address_guard;
mod connector;
#[cfg(feature = "istio")]
mod named;
pub(crate) mod proxies;
#[cfg(feature = "rustls")]
mod rustls;
#[cfg(not(feature = "rustls"))]
mod without_tls;

pub use connector::TcpConnector;
