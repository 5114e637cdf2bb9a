//! Connections of pools, made by reqwest's connector: with the TLS, proxies and sockets of a reqwest client, and
//! with the names and addresses of the mesh.
//!
//! reqwest does not export its connector. Therefore each connection starts with a dummy request to a client: a layer
//! around its connector takes the new connection, and the request fails before any byte of it is written.

use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use http::{HeaderValue, Uri};
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::Connection;
use reqwest::Client;
use reqwest::dns::{Name, Resolve, Resolving};
use tower_layer::Layer;
use tower_service::Service;

use super::client_connector::Settings;
use crate::foundation::http::authority::default_port;
use crate::foundation::outcome::BoxError;
use crate::transport::client::{TcpConnector, look_up};
use crate::transport::connect::proxies::Proxies;
use crate::transport::pool::{Dial, Dialling, Way, Wire};

/// Factory of client builders.
pub(in crate::mesh) type MakeBuilder = Arc<dyn Fn() -> reqwest::ClientBuilder + Send + Sync>;

/// Connector of the pools of one client.
#[derive(Debug)]
pub(in crate::mesh) enum Dialer {
    Own(TcpConnector),
    /// Connections that a document forbids, since the client cannot make them so.
    #[cfg(feature = "mtls")]
    Refusing,
    Reqwest(Arc<ReqwestDialer>),
}

impl Dialer {
    pub(in crate::mesh) const fn new(connector: TcpConnector) -> Self {
        Self::Own(connector)
    }

    pub(in crate::mesh) fn of_reqwest(make: MakeBuilder, settings: &Settings) -> Self {
        Self::Reqwest(Arc::new(ReqwestDialer::new(make, settings)))
    }

    pub(in crate::mesh) fn proxies(&self) -> &Proxies {
        match self {
            #[cfg(feature = "mtls")]
            Self::Refusing => &NO_PROXIES,
            Self::Own(connector) => connector.proxies(),
            Self::Reqwest(dialer) => &dialer.proxies,
        }
    }

    /// Returns the same dialer with the TLS of a cluster.
    #[cfg(feature = "mtls")]
    pub(in crate::mesh) fn with_tls(
        self: &Arc<Self>,
        tls: &Arc<crate::transport::mtls::ClusterTls>,
    ) -> Arc<Self> {
        match &**self {
            Self::Own(connector) => Arc::new(Self::Own(connector.clone().with_cluster_tls(tls))),
            // What the document demands is not what this connector would do.
            Self::Reqwest(_) => Arc::new(Self::Refusing),
            Self::Refusing => Arc::clone(self),
        }
    }

    /// Returns a connector for a pool: with or without proxies, and with a server name for TLS where that
    /// is not the address.
    pub(in crate::mesh) fn way(&self, is_direct: bool, name: Option<&str>) -> Way {
        match self {
            #[cfg(feature = "mtls")]
            Self::Refusing => Way::new(Refusing),
            Self::Own(connector) => connector.way(is_direct, name),
            Self::Reqwest(dialer) => Way::new(Path {
                dialer: Arc::clone(dialer),
                is_direct,
                name: name.map(Into::into),
            }),
        }
    }
}

#[cfg(feature = "mtls")]
static NO_PROXIES: Proxies = Proxies::none();

#[cfg(feature = "mtls")]
#[derive(Debug)]
struct Refusing;

#[cfg(feature = "mtls")]
impl Dial for Refusing {
    fn dial(&self, _uri: Uri) -> Dialling {
        let text = "`tls` of the destination rule needs certificates that reqwest's connector does not have: \
                    use `Workload::client` or `client_with_connector`";
        Box::pin(std::future::ready(Err(text.into())))
    }

    fn proxy_authorization(&self, _uri: &Uri) -> Option<HeaderValue> {
        None
    }
}

/// Dialer that connects as a reqwest client does.
pub(in crate::mesh) struct ReqwestDialer {
    /// Client without proxies.
    direct: OnceLock<Client>,
    make: MakeBuilder,
    made: OnceLock<Client>,
    proxies: Proxies,
}

impl ReqwestDialer {
    fn new(make: MakeBuilder, settings: &Settings) -> Self {
        Self {
            direct: OnceLock::new(),
            make,
            made: OnceLock::new(),
            proxies: if settings.has_proxies {
                Proxies::none()
            } else {
                Proxies::from_env()
            },
        }
    }

    fn client(&self, is_direct: bool) -> reqwest::Result<&Client> {
        let known = if is_direct { &self.direct } else { &self.made };
        if let Some(client) = known.get() {
            return Ok(client);
        }
        let mut builder = (self.make)()
            // The pool keeps connections; the client must keep none.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            // The dummy request always fails, and must not be sent again.
            .retry(reqwest::retry::never())
            .dns_resolver(Arc::new(Steered))
            .connector_layer(TakeLayer);
        if is_direct {
            builder = builder.no_proxy();
        }
        let built = builder.build()?;
        Ok(known.get_or_init(|| built))
    }
}

impl Debug for ReqwestDialer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestDialer").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Path {
    dialer: Arc<ReqwestDialer>,
    is_direct: bool,
    name: Option<Box<str>>,
}

impl Dial for Path {
    fn dial(&self, uri: Uri) -> Dialling {
        let client = match self.dialer.client(self.is_direct) {
            Ok(client) => client.clone(),
            Err(error) => return Box::pin(std::future::ready(Err(error.into()))),
        };
        let scheme = uri.scheme_str().unwrap_or("http").to_owned();
        let port = uri.port_u16().unwrap_or_else(|| default_port(&scheme));
        let host: Box<str> = uri.host().unwrap_or_default().into();
        let url = format!("{scheme}://{}:{port}/", self.name.as_ref().unwrap_or(&host));
        let job = Job {
            host: host.trim_matches(['[', ']']).into(),
            name: self.name.clone(),
            port,
            taken: Arc::default(),
        };
        Box::pin(async move {
            let taken = Arc::clone(&job.taken);
            let response = JOB.scope(job, client.get(url).send()).await;
            let taken = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
            taken.unwrap_or_else(|| match response {
                Err(error) => Err(error.into()),
                Ok(_) => Err("reqwest connected past its connector".into()),
            })
        })
    }

    fn proxy_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        self.dialer.proxies.authorization(uri)
    }
}

tokio::task_local! {
    /// Slot of the connection in progress. reqwest connects in the task of the request as long as the client keeps no
    /// connections of its own.
    static JOB: Job;
}

struct Job {
    /// Host of the address.
    host: Box<str>,
    /// Name that represents the address in URLs.
    name: Option<Box<str>>,
    port: u16,
    taken: Arc<Mutex<Option<Result<Wire, BoxError>>>>,
}

/// Resolver that maps the placeholder name to the address, and asks the system for others, such as a proxy's.
struct Steered;

impl Resolve for Steered {
    fn resolve(&self, asked: Name) -> Resolving {
        let steered = JOB.try_with(|job| {
            let is_meant = |name: &str| name.eq_ignore_ascii_case(asked.as_str());
            let is_name = job.name.as_deref().is_some_and(is_meant);
            is_name.then(|| (job.host.clone(), job.port))
        });
        let (host, port) = match steered {
            Ok(Some(address)) => address,
            // The port is that of the URL.
            _ => (asked.as_str().into(), 0),
        };
        look_up(host, port)
    }
}

#[derive(Clone, Copy, Debug)]
struct TakeLayer;

impl<S> Layer<S> for TakeLayer {
    type Service = Take<S>;

    fn layer(&self, inner: S) -> Take<S> {
        Take { inner }
    }
}

/// Layer that takes the connections of the connector.
#[derive(Clone, Debug)]
struct Take<S> {
    inner: S,
}

impl<S, R> Service<R> for Take<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Connection + Read + Write + Send + Unpin + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.inner.call(request);
        Box::pin(async move {
            let connected = connecting.await;
            let taken = JOB.try_with(|job| Arc::clone(&job.taken));
            let Ok(taken) = taken else {
                return connected;
            };
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            *taken = Some(connected.map(Wire::new));
            Err("the connection is the pool's".into())
        })
    }
}
