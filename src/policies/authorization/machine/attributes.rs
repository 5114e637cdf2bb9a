use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderName, HeaderValue, header};

use crate::foundation::http::normal_path::normalized;
#[cfg(feature = "istio")]
use crate::foundation::http::x_forwarded_for;
use crate::foundation::http::{ClientAddress, PeerAddress, RequestHead};
use crate::foundation::identity::{LocalAddress, PeerIdentity, RequestClaims, ServerName};

/// The attributes of a request that rules compare, each read when a rule first needs it.
#[derive(Debug)]
pub(crate) struct Attributes<'a> {
    claims: OnceCell<Option<&'a RequestClaims>>,
    host: OnceCell<Option<&'a [u8]>>,
    identity: OnceCell<Option<&'a str>>,
    local: OnceCell<Option<SocketAddr>>,
    path: OnceCell<Option<&'a str>>,
    peer: OnceCell<Option<IpAddr>>,
    port: Option<u16>,
    remote: OnceCell<Option<IpAddr>>,
    remote_address: &'a RemoteAddress,
    head: RequestHead<'a>,
}

/// Source of the address of the caller, for `remoteIpBlocks` and `remote.ip`.
#[derive(Clone, Debug)]
pub(crate) enum RemoteAddress {
    /// The address that a policy of the application determines.
    Client(ClientAddress),
    /// The last hop in `X-Forwarded-For`, as at Istio's sidecars; without one the peer.
    #[cfg(feature = "istio")]
    LastForwarded,
    /// The address that the edge of a gateway has written.
    #[cfg(feature = "istio")]
    Sanitized,
}

impl Default for RemoteAddress {
    fn default() -> Self {
        Self::Client(ClientAddress::peer().with_ipv6_prefix(128))
    }
}

impl<'a> Attributes<'a> {
    /// Creates the attributes of a request to a server that listens at `port`, if that is known.
    pub(crate) const fn new(
        head: RequestHead<'a>,
        port: Option<u16>,
        remote_address: &'a RemoteAddress,
    ) -> Self {
        Self {
            claims: OnceCell::new(),
            host: OnceCell::new(),
            identity: OnceCell::new(),
            local: OnceCell::new(),
            path: OnceCell::new(),
            peer: OnceCell::new(),
            port,
            remote: OnceCell::new(),
            remote_address,
            head,
        }
    }

    pub(super) fn method(&self) -> &'a str {
        self.head.method().as_str()
    }

    /// Returns the path without its query; none if it is not in its normal form, so that the application might
    /// understand another one.
    pub(super) fn path(&self) -> Option<&'a str> {
        *self.path.get_or_init(|| {
            let path = self.head.uri().path();
            matches!(normalized(path), std::borrow::Cow::Borrowed(_)).then_some(path)
        })
    }

    /// Returns the host that the request addresses, with its port if it writes one; none if it writes no
    /// host, or several.
    pub(super) fn host(&self) -> Option<&'a [u8]> {
        *self.host.get_or_init(|| {
            // The authority of the target takes precedence, as in Envoy (RFC 9112, 3.2.2).
            if let Some(authority) = self.head.uri().authority() {
                let authority = authority.as_str();
                let host = authority
                    .rsplit_once('@')
                    .map_or(authority, |(_, host)| host);
                return Some(host.as_bytes());
            }
            let mut hosts = self.head.headers().get_all(header::HOST).iter();
            match (hosts.next(), hosts.next()) {
                (Some(host), None) => Some(host.as_bytes()),
                (None, _) | (Some(_), Some(_)) => None,
            }
        })
    }

    /// Returns the values of a header.
    pub(super) fn header(&self, name: &HeaderName) -> impl Iterator<Item = &'a HeaderValue> {
        self.head.headers().get_all(name).iter()
    }

    pub(super) fn scheme(&self) -> Option<&'a str> {
        self.head.uri().scheme_str()
    }

    /// Returns path and query.
    pub(super) fn target(&self) -> &'a str {
        self.head
            .uri()
            .path_and_query()
            .map_or("", http::uri::PathAndQuery::as_str)
    }

    /// Returns the URI of the peer's certificate; none for a peer without one.
    pub(super) fn identity(&self) -> Option<&'a str> {
        *self
            .identity
            .get_or_init(|| PeerIdentity::of(self.head.extensions()).map(PeerIdentity::as_str))
    }

    /// Returns the claims of the token; none without one.
    pub(super) fn claims(&self) -> Option<&'a RequestClaims> {
        *self
            .claims
            .get_or_init(|| RequestClaims::of(self.head.extensions()))
    }

    /// Returns the address of the peer, if the server makes it known.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        *self
            .peer
            .get_or_init(|| PeerAddress::of(self.head.extensions()))
    }

    /// Returns the address of the caller, if it is known.
    pub(super) fn remote(&self) -> Option<IpAddr> {
        *self.remote.get_or_init(|| match self.remote_address {
            RemoteAddress::Client(client) => client.of(self.head),
            #[cfg(feature = "istio")]
            RemoteAddress::LastForwarded => {
                let last = x_forwarded_for(self.head.headers()).next().flatten();
                last.or_else(|| self.peer())
            }
            #[cfg(feature = "istio")]
            RemoteAddress::Sanitized => {
                let address = self.head.headers().get("x-envoy-external-address");
                address?.to_str().ok()?.parse().ok()
            }
        })
    }

    /// Returns the address of the server, if it is known.
    pub(super) fn local_address(&self) -> Option<IpAddr> {
        Some(self.local()?.ip())
    }

    /// Returns the port of the server, if it is known.
    pub(super) fn local_port(&self) -> Option<u16> {
        self.port.or_else(|| Some(self.local()?.port()))
    }

    fn local(&self) -> Option<SocketAddr> {
        *self
            .local
            .get_or_init(|| LocalAddress::of(self.head.extensions()))
    }

    /// Returns the name in the handshake of TLS; none without one.
    pub(super) fn server_name(&self) -> Option<&'a str> {
        ServerName::of(self.head.extensions())
    }
}
