use std::net::SocketAddr;
use std::sync::Arc;

use http::Extensions;

use crate::foundation::http::PeerAddress;
use crate::foundation::identity::{LocalAddress, PeerIdentity, ServerName};

/// The peer of a connection: its address, and its identity if it has proved one.
///
/// [`PeerLayer`](super::super::PeerLayer) puts its parts into the extensions of requests.
#[derive(Clone, Debug)]
pub struct Peer {
    pub(super) address: SocketAddr,
    pub(super) identity: Option<PeerIdentity>,
    pub(super) local_address: Option<SocketAddr>,
    pub(super) server_name: Option<Arc<str>>,
}

impl Peer {
    /// Returns the address of the peer.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the SPIFFE ID of its certificate; none for a connection in plain text.
    #[must_use]
    pub const fn identity(&self) -> Option<&PeerIdentity> {
        self.identity.as_ref()
    }

    /// Returns the address at which it was accepted.
    #[must_use]
    pub const fn local_address(&self) -> Option<SocketAddr> {
        self.local_address
    }

    /// Returns the server name of its handshake (SNI).
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Writes its parts into the extensions of a request: [`PeerIdentity`], [`LocalAddress`], [`ServerName`] and the
    /// address, in the types of axum and tonic.
    pub fn write_to(&self, extensions: &mut Extensions) {
        match &self.identity {
            Some(identity) => extensions.insert(identity.clone()),
            None => extensions.remove::<PeerIdentity>(),
        };
        if let Some(local) = self.local_address {
            extensions.insert(LocalAddress(local));
        }
        if let Some(name) = &self.server_name {
            extensions.insert(ServerName(Arc::clone(name)));
        }
        extensions.insert(PeerAddress::from(self.address));
        #[cfg(feature = "axum")]
        extensions.insert(axum::extract::ConnectInfo(self.address));
        #[cfg(feature = "tonic")]
        extensions.insert(tonic::transport::server::TcpConnectInfo {
            local_addr: self.local_address,
            remote_addr: Some(self.address),
        });
    }
}
