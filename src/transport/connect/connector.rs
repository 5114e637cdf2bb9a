use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::Intercept;
use tower_service::Service;

#[cfg(feature = "jwt")]
use super::address_guard::AddressGuard;
use super::proxies::Proxies;
#[cfg(feature = "rustls")]
use super::rustls::Tls;
use super::server_tls::ServerTls;
#[cfg(not(feature = "rustls"))]
use super::without_tls::Tls;
use crate::foundation::outcome::BoxError;
use crate::transport::pool::{Dial, Dialling, Wire};

/// Settings of the connections of a [`Transport`](super::super::client::Transport) that has no reqwest client.
///
/// A name is resolved for each connection by the system, and its IPv6 and IPv4 addresses are tried beside each
/// other, with a head start of 300 ms (RFC 8305). Nagle's algorithm is off. The proxies of the environment are
/// used, as reqwest does: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, with the schemes `http`,
/// `https`, `socks5` and `socks5h`.
///
/// `https` needs the feature `rustls`; without it such a request fails with
/// [`pool::Error::NoTls`](crate::pool::Error::NoTls). The trusted roots are those of the system; HTTP/2 is
/// negotiated (ALPN).
#[derive(Clone)]
pub struct TcpConnector {
    direct: Direct,
    #[cfg(feature = "jwt")]
    guard: Option<AddressGuard>,
    proxies: Arc<Proxies>,
}

/// Connector to one address, with TLS if the scheme is `https`.
#[derive(Clone)]
struct Direct {
    http: HttpConnector,
    /// TLS to proxies.
    proxy_tls: Tls,
    tls: ServerTls,
}

impl TcpConnector {
    /// Creates a connector with the proxies of the environment.
    #[must_use]
    pub fn new() -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        // The URI of a connection with TLS has the scheme `https`.
        http.enforce_http(false);
        Self {
            direct: Direct {
                http,
                proxy_tls: Tls::default(),
                tls: ServerTls::default(),
            },
            #[cfg(feature = "jwt")]
            guard: None,
            proxies: Arc::new(Proxies::from_env()),
        }
    }

    /// Connects, where no proxy of the environment does, to addresses alone that an outsider may name: to none of a machine's metadata, and to
    /// private ones if the configuration names the host.
    #[cfg(all(feature = "istio", feature = "jwt"))]
    pub(crate) fn guarded(mut self, is_named: bool) -> Self {
        self.guard = Some(AddressGuard { is_named });
        self
    }

    /// Connects to all addresses without a proxy.
    #[must_use]
    pub fn without_proxies(mut self) -> Self {
        self.proxies = Arc::new(Proxies::none());
        self
    }

    /// Sets the configuration of TLS: the trusted roots, the client's certificate, the versions of HTTP to
    /// negotiate.
    ///
    /// The default trusts the roots of the system, has no certificate, and negotiates HTTP/2 and HTTP/1.1.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn with_tls(mut self, config: impl Into<Arc<tokio_rustls::rustls::ClientConfig>>) -> Self {
        let tls = Tls::new(config.into());
        self.direct.proxy_tls = tls.clone();
        self.direct.tls = ServerTls::Own(tls);
        self
    }

    /// Uses mutual TLS for `https`: with these certificates, to servers that are workloads of a known trust domain and
    /// have one of the names `accepted`, such as `spiffe://cluster.local/ns/waste/sa/users`, or any where it is empty.
    /// The name of the host is not compared with the certificate.
    ///
    /// A mesh with certificates needs no such setting: its documents say where mutual TLS is used.
    #[cfg(feature = "mtls")]
    #[must_use]
    pub fn with_mtls<N: Into<Box<str>>>(
        self,
        certificates: crate::transport::mtls::Certificates,
        accepted: impl IntoIterator<Item = N>,
    ) -> Self {
        let accepted = accepted.into_iter().map(Into::into).collect();
        let tls = crate::transport::mtls::ClusterTls::by_hand(certificates, accepted);
        self.with_cluster_tls(&Arc::new(tls))
    }

    #[cfg(feature = "mtls")]
    pub(crate) fn with_cluster_tls(
        mut self,
        tls: &Arc<crate::transport::mtls::ClusterTls>,
    ) -> Self {
        self.direct.tls = ServerTls::Cluster(Arc::clone(tls));
        self
    }

    #[cfg(feature = "istio")]
    pub(crate) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Connects to the scheme, host and port of a URI, under a name for TLS where that is not the host, and
    /// past the proxies if `is_direct`.
    pub(super) fn connect(&self, uri: Uri, name: Option<&str>, is_direct: bool) -> Dialling {
        let called = name.and_then(|name| named(&uri, name));
        let called = called.unwrap_or_else(|| uri.clone());
        let proxy = if is_direct {
            None
        } else {
            self.proxies.intercept(&called)
        };
        let direct = self.direct.clone();
        #[cfg(feature = "jwt")]
        let guard = self.guard;
        Box::pin(async move {
            if called.scheme() == Some(&Scheme::HTTPS) {
                // Before a connection is made in vain.
                direct.tls.check()?;
            }
            #[cfg(feature = "jwt")]
            if let Some(guard) = guard.filter(|_| proxy.is_none()) {
                return direct.connect_guarded(guard, uri, &called).await;
            }
            match proxy {
                None => direct.connect(uri, &called).await,
                Some(proxy) => direct.connect_by(&proxy, called).await,
            }
        })
    }
}

/// Returns a URI with another host.
fn named(uri: &Uri, name: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let authority = match uri.port_u16() {
        Some(port) => Authority::try_from(format!("{name}:{port}")),
        None => Authority::try_from(name),
    };
    parts.authority = Some(authority.ok()?);
    Uri::from_parts(parts).ok()
}

impl Direct {
    /// Connects to `address`, which is `called` so by its callers.
    async fn connect(mut self, address: Uri, called: &Uri) -> Result<Wire, BoxError> {
        let is_tls = called.scheme() == Some(&Scheme::HTTPS);
        let tcp = Wire::new(self.http.call(address).await?);
        if is_tls {
            self.tls.connect(called, tcp).await
        } else {
            Ok(tcp)
        }
    }

    /// Connects to the first allowed address that answers.
    #[cfg(feature = "jwt")]
    async fn connect_guarded(
        self,
        guard: AddressGuard,
        uri: Uri,
        called: &Uri,
    ) -> Result<Wire, BoxError> {
        let mut failed = None;
        for address in guard.resolve(&uri).await? {
            match self.clone().connect(address, called).await {
                Ok(wire) => return Ok(wire),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| "no address".into()))
    }

    /// Connects to what is `called` so through a proxy.
    async fn connect_by(self, proxy: &Intercept, called: Uri) -> Result<Wire, BoxError> {
        let tls = self.tls.clone();
        let is_tls = called.scheme() == Some(&Scheme::HTTPS);
        let through = match proxy.uri().scheme_str() {
            Some(scheme @ ("socks5" | "socks5h")) => {
                let socks = SocksV5::new(proxy.uri().clone(), self).local_dns(scheme == "socks5");
                let mut socks = match proxy.raw_auth() {
                    Some((user, password)) => socks.with_auth(user.into(), password.into()),
                    None => socks,
                };
                socks.call(called.clone()).await?
            }
            Some("socks4" | "socks4a") => {
                return Err("proxies of SOCKS version 4 are not supported".into());
            }
            _ if is_tls => {
                let tunnel = Tunnel::new(proxy.uri().clone(), self);
                let mut tunnel = match proxy.basic_auth() {
                    Some(authorization) => tunnel.with_auth(authorization.clone()),
                    None => tunnel,
                };
                tunnel.call(called.clone()).await?
            }
            // It is asked for the whole URI.
            _ => return Ok(self.connect_to_proxy(proxy.uri().clone()).await?.proxied()),
        };
        if is_tls {
            tls.connect(&called, through).await
        } else {
            Ok(through)
        }
    }

    async fn connect_to_proxy(mut self, proxy: Uri) -> Result<Wire, BoxError> {
        let is_tls = proxy.scheme() == Some(&Scheme::HTTPS);
        let tcp = Wire::new(self.http.call(proxy.clone()).await?);
        if is_tls {
            // HTTP/1: proxies are asked for tunnels and whole URIs.
            self.proxy_tls.connect(&proxy, tcp, false).await
        } else {
            Ok(tcp)
        }
    }
}

/// Connects to a proxy.
impl Service<Uri> for Direct {
    type Response = Wire;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, proxy: Uri) -> Self::Future {
        Box::pin(self.clone().connect_to_proxy(proxy))
    }
}

impl Dial for TcpConnector {
    fn dial(&self, uri: Uri) -> Dialling {
        self.connect(uri, None, false)
    }

    fn proxy_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        self.proxies.authorization(uri)
    }
}

impl Default for TcpConnector {
    fn default() -> Self {
        Self::new()
    }
}

impl Debug for TcpConnector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpConnector")
            .field("proxies", &self.proxies)
            .finish_non_exhaustive()
    }
}
