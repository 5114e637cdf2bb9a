use std::net::IpAddr;

use ipnet::IpNet;

use crate::foundation::http::{ClientAddress, ForwardedHeader, RequestHead, x_forwarded_for};

/// Proxies in front of a gateway whose forwarding headers are trusted: Istio's
/// `gatewayTopology.numTrustedProxies`, or their networks.
///
/// A trusted proxy's `X-Forwarded-Proto` stays, and the address of the caller is read from
/// `X-Forwarded-For`. The default is [`none`](Self::none), as in Istio.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustedProxies(Trusted);

#[derive(Clone, Debug, Default, Eq, PartialEq)]
enum Trusted {
    Hops(usize),
    Networks {
        address: ClientAddress,
        networks: Vec<IpNet>,
    },
    #[default]
    None,
}

impl TrustedProxies {
    /// Trusts no proxy: the caller is the peer, the other end of the connection.
    #[must_use]
    pub const fn none() -> Self {
        Self(Trusted::None)
    }

    /// Trusts a number of proxies that every request passes before the gateway, whatever their addresses
    /// (Envoy's `xff_num_trusted_hops`). The caller is the entry of `X-Forwarded-For` that the first of
    /// them wrote; 0 is [`none`](Self::none).
    ///
    /// A caller that reaches the gateway past these proxies can name any address and scheme.
    #[must_use]
    pub const fn hops(hops: usize) -> Self {
        match hops {
            0 => Self::none(),
            hops => Self(Trusted::Hops(hops)),
        }
    }

    /// Trusts the proxies in these networks (Envoy's `xff_trusted_cidrs`). If the peer is in one of them, the
    /// caller is the right-most entry of `X-Forwarded-For` outside them; the peer, if an entry up to there
    /// is no address.
    #[must_use]
    pub fn networks(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let networks: Vec<_> = networks.into_iter().collect();
        if networks.is_empty() {
            return Self::none();
        }
        let address = ClientAddress::peer()
            .trusting(networks.iter().copied())
            .with_header(ForwardedHeader::XForwardedFor)
            .with_ipv6_prefix(128);
        Self(Trusted::Networks { address, networks })
    }

    /// Returns true if the headers of the peer are trusted.
    pub(super) fn trusts(&self, peer: Option<IpAddr>) -> bool {
        match &self.0 {
            // Every request passes these proxies by definition, so the peer is one.
            Trusted::Hops(_) => true,
            Trusted::Networks { networks, .. } => peer.is_some_and(|peer| {
                let mut networks = networks.iter();
                networks.any(|network| network.contains(&peer))
            }),
            Trusted::None => false,
        }
    }

    /// Returns the caller's address from the headers of trusted proxies; `None` if the caller is the peer.
    pub(super) fn caller(&self, head: RequestHead<'_>) -> Option<IpAddr> {
        match &self.0 {
            // From the right: entry `hops` was written by the first trusted proxy.
            Trusted::Hops(hops) => x_forwarded_for(head.headers()).nth(hops - 1).flatten(),
            Trusted::Networks { address, .. } => address.of(head),
            Trusted::None => None,
        }
    }
}
