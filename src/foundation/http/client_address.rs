//! Who is calling: the peer, or the caller that trusted proxies say they speak for.

mod forwarded;

pub(crate) use forwarded::x_forwarded_for;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::Extensions;
use ipnet::IpNet;

use super::RequestHead;

/// The address at the other end of the connection, as a request extension.
///
/// With the feature `axum`, its `ConnectInfo<SocketAddr>` is found as well; other servers insert
/// this one where they accept the connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PeerAddress(pub IpAddr);

impl PeerAddress {
    /// Finds the peer's address among the extensions of a request.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<IpAddr> {
        let own = extensions.get::<Self>().map(|peer| peer.0);
        #[cfg(feature = "axum")]
        let own = own.or_else(|| {
            let info = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>()?;
            Some(info.0.ip())
        });
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

/// Which header tells the address of a caller behind a proxy.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum ForwardedHeader {
    /// Whichever is there. If both are there and disagree, one of them may be made up by the
    /// caller, so neither is believed.
    #[default]
    Any,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

/// Finds the address of a request's caller.
///
/// It is the peer's, the other end of the connection: no header can change it. Behind proxies whose
/// addresses are [`trusted`](Self::trusting), it is the right-most address in `X-Forwarded-For` or
/// `Forwarded` that is not one of theirs: what stands further left, anybody can write.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ClientAddress {
    header: ForwardedHeader,
    ipv6_prefix: u8,
    trusted: Vec<IpNet>,
}

impl ClientAddress {
    /// Creates one that looks at the peer only.
    #[must_use]
    pub const fn peer() -> Self {
        Self {
            header: ForwardedHeader::Any,
            ipv6_prefix: 64,
            trusted: Vec::new(),
        }
    }

    /// Believes what proxies in these networks say about whom they speak for. The default is to
    /// believe nobody.
    #[must_use]
    pub fn trusting(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.trusted.extend(networks);
        self
    }

    /// Sets which header the trusted proxies write. The default is [`ForwardedHeader::Any`]; name
    /// theirs if they pass the other one on as the caller wrote it.
    #[must_use]
    pub const fn with_header(mut self, header: ForwardedHeader) -> Self {
        self.header = header;
        self
    }

    /// Sets how many leading bits of an IPv6 address tell callers apart. The default is 64, because
    /// one subscriber has a /64 at least, with 2⁶⁴ addresses to choose from; 128 and more mean all.
    #[must_use]
    pub const fn with_ipv6_prefix(mut self, bits: u8) -> Self {
        self.ipv6_prefix = bits;
        self
    }

    /// Finds the address of the caller, an IPv6 address cut to its prefix; `None` if the request
    /// does not tell its peer.
    #[must_use]
    pub fn of(&self, head: RequestHead<'_>) -> Option<IpAddr> {
        let peer = PeerAddress::of(head.extensions())?;
        if !self.trusts(peer) {
            return Some(self.truncate(peer));
        }
        let headers = head.headers();
        let x_forwarded_for = || x_forwarded_for(headers);
        let forwarded = || forwarded::forwarded(headers);
        let caller = match self.header {
            ForwardedHeader::Forwarded => self.walk(peer, forwarded()),
            ForwardedHeader::XForwardedFor => self.walk(peer, x_forwarded_for()),
            ForwardedHeader::Any => {
                let one = self.walk(peer, x_forwarded_for());
                let two = self.walk(peer, forwarded());
                match (x_forwarded_for().next(), forwarded().next()) {
                    (None, _) => two,
                    (_, None) => one,
                    _ if one == two => one,
                    _ => peer,
                }
            }
        };
        Some(self.truncate(caller))
    }

    /// Goes from the nearest hop outwards, up to the first that is not trusted. If one of them cannot be
    /// read, the whole list is worth nothing, as in Envoy: it is the peer's.
    fn walk(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut caller = peer;
        for hop in hops {
            let Some(hop) = hop else { return peer };
            caller = hop;
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
