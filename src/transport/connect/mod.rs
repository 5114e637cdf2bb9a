//! Connections over TCP: name resolution, proxies and TLS.

#[cfg(feature = "jwt")]
mod address_guard;
mod connector;
#[cfg(feature = "istio")]
mod named;
pub(crate) mod proxies;
#[cfg(feature = "rustls")]
mod rustls;
mod server_tls;
#[cfg(any(feature = "mtls", feature = "rustls"))]
mod tls_wire;
#[cfg(not(feature = "rustls"))]
mod without_tls;

pub use connector::TcpConnector;
