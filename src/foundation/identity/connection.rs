use std::net::SocketAddr;
use std::sync::Arc;

use http::Extensions;

/// The server's own address of the connection, as a request extension.
///
/// The conditions `destination.ip` and `destination.port` of an authorization policy read it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LocalAddress(pub SocketAddr);

impl LocalAddress {
    /// Returns the address from the extensions of a request.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<SocketAddr> {
        let own = extensions.get::<Self>().map(|local| local.0);
        #[cfg(feature = "tonic")]
        let own = own.or_else(|| {
            // Of a connection over TLS tonic inserts this, too.
            let info = extensions.get::<tonic::transport::server::TcpConnectInfo>()?;
            info.local_addr
        });
        // ::ffff:192.0.2.1 on a dual-stack socket is the same address as 192.0.2.1.
        own.map(|address| SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}

/// The server name that the client sent in its TLS handshake (SNI), as a request extension.
///
/// The condition `connection.sni` of an authorization policy reads it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ServerName(pub Arc<str>);

impl ServerName {
    /// Returns the name from the extensions of a request.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&str> {
        extensions.get::<Self>().map(|name| &*name.0)
    }
}
