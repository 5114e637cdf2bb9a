//! Client addresses: the peer's, or the one forwarded by trusted proxies.

#[cfg(feature = "serde")]
mod config;
mod forwarded;

pub(crate) use forwarded::x_forwarded_for;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::Extensions;
use ipnet::IpNet;

use super::RequestHead;

/// The peer address of the connection, as a request extension.
///
/// With the feature `axum`, its `ConnectInfo<SocketAddr>` is found as well, and with the feature `tonic` its
/// `TcpConnectInfo`, over TLS too; other servers insert this extension where they accept the connection. A peer on a
/// Unix socket has no address: see [`UnixPeer`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PeerAddress(pub IpAddr);

impl PeerAddress {
    /// Returns the peer's address from the extensions of a request.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<IpAddr> {
        let own = extensions.get::<Self>().map(|peer| peer.0);
        #[cfg(feature = "axum")]
        let own = own.or_else(|| {
            let info = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>()?;
            Some(info.0.ip())
        });
        #[cfg(feature = "tonic")]
        let own = own.or_else(|| {
            // Of a connection over TLS tonic inserts this, too.
            let info = extensions.get::<tonic::transport::server::TcpConnectInfo>()?;
            Some(info.remote_addr?.ip())
        });
        // ::ffff:192.0.2.1 on a dual-stack socket is the same client as 192.0.2.1.
        own.map(|address| address.to_canonical())
    }
}

impl From<IpAddr> for PeerAddress {
    fn from(address: IpAddr) -> Self {
        Self(address)
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        Self(address.ip())
    }
}

/// Marks a request that came over a Unix domain socket, as a request extension.
///
/// Such a peer has no address, so [`ClientAddress::trusting_unix_sockets`] reads that of the client from its headers.
/// With the feature `tonic`, its `UdsConnectInfo` marks a request as well; with axum, the layer
/// `Extension(UnixPeer)` around the routes does.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct UnixPeer;

impl UnixPeer {
    /// Returns true if the extensions of a request say that it came over a Unix socket.
    pub(crate) fn is_in(extensions: &Extensions) -> bool {
        #[cfg(all(feature = "tonic", unix))]
        if extensions
            .get::<tonic::transport::server::UdsConnectInfo>()
            .is_some()
        {
            return true;
        }
        extensions.get::<Self>().is_some()
    }
}

/// Returns the ways to make the peers of requests known, for warnings; a missing feature is named.
pub(crate) fn how_to_know_peers() -> String {
    let axum = if cfg!(feature = "axum") {
        ""
    } else {
        "enable meshless's feature `axum` and "
    };
    let tonic = if cfg!(feature = "tonic") {
        "serve over TCP"
    } else {
        "enable meshless's feature `tonic`"
    };
    format!(
        "with axum, {axum}serve with `into_make_service_with_connect_info::<SocketAddr>`; with tonic, {tonic}; \
         with other servers, insert a `PeerAddress` into each request"
    )
}

/// The header that carries the client's address behind a proxy.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum ForwardedHeader {
    /// Either header, as present. If both are and disagree, the client may have forged one of
    /// them, so neither is trusted.
    #[default]
    Any,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

/// Extracts the client address of a request.
///
/// By default it is the peer address of the connection, which no header can change. Behind proxies
/// whose addresses are [`trusted`](Self::trusting), it is the right-most address in
/// `X-Forwarded-For` or `Forwarded` that is not a trusted one: entries further left can be forged
/// by any client.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ClientAddress {
    header: ForwardedHeader,
    ipv6_prefix: u8,
    trusted: Vec<IpNet>,
    trusts_unix_sockets: bool,
}

impl ClientAddress {
    /// Creates an extractor that uses the peer address only.
    #[must_use]
    pub const fn peer() -> Self {
        Self {
            header: ForwardedHeader::Any,
            ipv6_prefix: 64,
            trusted: Vec::new(),
            trusts_unix_sockets: false,
        }
    }

    /// Trusts the forwarding headers of proxies in these networks. The default is to trust none.
    #[must_use]
    pub fn trusting(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.trusted.extend(networks);
        self
    }

    /// Trusts the forwarding headers of peers on a Unix socket, such as a proxy on the same machine. The default is not
    /// to.
    ///
    /// The requests need [`UnixPeer`] or tonic's `UdsConnectInfo` as an extension. Without a forwarding header the client
    /// address is unknown.
    #[must_use]
    pub const fn trusting_unix_sockets(mut self) -> Self {
        self.trusts_unix_sockets = true;
        self
    }

    /// Sets the header that the trusted proxies write. The default is [`ForwardedHeader::Any`];
    /// name theirs if they pass the other one on unchanged from the client.
    #[must_use]
    pub const fn with_header(mut self, header: ForwardedHeader) -> Self {
        self.header = header;
        self
    }

    /// Sets the number of leading bits that identify an IPv6 client. The default is 64: one
    /// subscriber has at least a /64, with 2⁶⁴ addresses to choose from. 128 and above compare
    /// whole addresses.
    #[must_use]
    pub const fn with_ipv6_prefix(mut self, bits: u8) -> Self {
        self.ipv6_prefix = bits;
        self
    }

    /// Returns the client address, an IPv6 address cut to its prefix; `None` if the request has no
    /// peer address.
    #[must_use]
    pub fn of(&self, head: RequestHead<'_>) -> Option<IpAddr> {
        let peer = PeerAddress::of(head.extensions());
        let caller = match peer {
            // Headers of an untrusted peer are not read at all: it could write anything.
            Some(peer) if !self.trusts(peer) => Some(peer),
            None if !(self.trusts_unix_sockets && UnixPeer::is_in(head.extensions())) => None,
            _ => self.forwarded(peer, head),
        };
        caller.map(|address| self.truncate(address))
    }

    /// Reads the address that a trusted peer forwards; its own if it forwards none.
    fn forwarded(&self, peer: Option<IpAddr>, head: RequestHead<'_>) -> Option<IpAddr> {
        let headers = head.headers();
        let x_forwarded_for = || x_forwarded_for(headers);
        let forwarded = || forwarded::forwarded(headers);
        match self.header {
            ForwardedHeader::Forwarded => self.walk(peer, forwarded()),
            ForwardedHeader::XForwardedFor => self.walk(peer, x_forwarded_for()),
            ForwardedHeader::Any => {
                let one = self.walk(peer, x_forwarded_for());
                let two = self.walk(peer, forwarded());
                // Present and unreadable is not the same as absent: it counts as a disagreement.
                match (x_forwarded_for().next(), forwarded().next()) {
                    (None, _) => two,
                    (_, None) => one,
                    _ if one == two => one,
                    _ => peer,
                }
            }
        }
    }

    /// Goes from the nearest hop outwards, up to the first that is not trusted. If one of them cannot be
    /// read, the whole list is worth nothing, as in Envoy: it is the peer's.
    fn walk(
        &self,
        peer: Option<IpAddr>,
        hops: impl Iterator<Item = Option<IpAddr>>,
    ) -> Option<IpAddr> {
        let mut caller = peer;
        for hop in hops {
            let Some(hop) = hop else { return peer };
            caller = Some(hop);
            if !self.trusts(hop) {
                break;
            }
        }
        caller
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted
            .iter()
            .any(|network| network.contains(&address))
    }

    fn truncate(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(long) => {
                let rest = 128_u32.saturating_sub(u32::from(self.ipv6_prefix));
                let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(long.to_bits() & mask))
            }
        }
    }
}

impl Default for ClientAddress {
    fn default() -> Self {
        Self::peer()
    }
}
