use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri, Version};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_service::Service;

use super::Body;
use super::reqwest_client::fixed_resolver::{FixedResolver, leave_port_to_host};
use super::reqwest_client::{convert, to_reqwest};
use crate::foundation::endpoints::Endpoint;
use crate::foundation::outcome::BoxError;
use crate::transport::connect::TcpConnector;
use crate::transport::pool::{Pool, PoolFuture, PoolPolicy, Way};

/// Innermost service of a stack, which sends requests over connections of its own or with a
/// [`reqwest::Client`].
///
/// Accepts any request body. Clones share the connections; when the last one is dropped, idle connections are
/// closed, and the others when their responses have ended.
///
/// # Connections of its own
///
/// The [default](Self::default) is a [pool](crate::pool) over a [`TcpConnector`]: HTTP/1.1, and HTTP/2 where TLS
/// negotiates it; one request of a stack is one request at the upstream, or none. It costs less than a
/// reqwest client. It has none of these, which reqwest has: cookies, decompression, HTTP/3, proxies by code,
/// SOCKS 4, and timeouts of its own other than for the connection. Redirects and default headers are the
/// [`Client`](super::Client)'s, timeouts and retries the layers'.
///
/// # A reqwest client
///
/// The settings of a finished `reqwest::Client` cannot be changed, and part of its behaviour is
/// invisible to the layers around a transport made [with `new`](Self::new):
///
/// - it follows up to 10 redirects, so one request of a stack is several requests at the upstream; the final
///   URL of a response is available as `reqwest::Response::from(response).url()`;
/// - it resends a request that the upstream reports as not processed (`REFUSED_STREAM`, `GOAWAY`),
///   so one counted attempt was two;
/// - it resends on a new connection when a pooled connection turns out to be closed before the
///   request was written; no setting disables this, and the upstream sees one request;
/// - its timeouts (total, read, connect) may end attempts before a timeout layer does;
/// - it uses the configured proxies or those of the environment;
/// - it keeps idle connections, for 90 seconds by default, so that "connect" failures are rare;
/// - it opens one connection per concurrent request, and uses each for as many requests as the
///   server accepts: `maxConnections`, `http1MaxPendingRequests`, `maxRequestsPerConnection` and
///   `maxConnectionDuration` are **not enforced**; [a pool](crate::pool) enforces them, and lists
///   the nearest limits for reqwest;
/// - with the corresponding features, it stores cookies, decompresses bodies and adds default
///   headers.
///
/// [`Transport::build`] turns the first two off.
#[derive(Clone, Debug)]
pub struct Transport {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Pool {
        pool: Pool,
        /// Connector, if it is not the pool's.
        way: Option<Way>,
    },
    Reqwest {
        client: reqwest::Client,
        /// True if all requests go to one endpoint, whatever the port of their URL.
        is_fixed: bool,
    },
}

/// Time after which an idle connection of a default transport is closed, as in reqwest.
const IDLE: Duration = Duration::from_secs(90);

impl Transport {
    /// Creates a transport over a finished client, including its built-in behaviour.
    #[must_use]
    pub const fn new(client: reqwest::Client) -> Self {
        Self {
            kind: Kind::Reqwest {
                client,
                is_fixed: false,
            },
        }
    }

    /// Creates a transport over connections of its own, within the limits of a policy.
    ///
    /// # Example
    ///
    /// At most 100 connections, without the proxies of the environment:
    ///
    /// ```
    /// use meshless::client::{Client, TcpConnector, Transport};
    /// use meshless::pool::PoolPolicy;
    ///
    /// let policy = PoolPolicy::default().with_max_connections(100);
    /// let client = Client::new(Transport::pooled(policy, TcpConnector::new().without_proxies()));
    /// # let _ = client;
    /// ```
    #[must_use]
    pub fn pooled(policy: PoolPolicy, connector: TcpConnector) -> Self {
        Self {
            kind: Kind::Pool {
                pool: Pool::http(policy),
                way: Some(Way::new(connector)),
            },
        }
    }

    /// Creates a transport over a client that sends each request once: reqwest's redirects (which a
    /// [`Client`](super::Client) follows above the stack) and reqwest's retries are turned off.
    ///
    /// # Errors
    ///
    /// Fails if reqwest cannot build the client, for example without a TLS backend.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use meshless::client::Transport;
    ///
    /// # fn main() -> reqwest::Result<()> {
    /// let builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(1));
    /// let transport = Transport::build(builder)?;
    /// # let _ = transport;
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(builder: reqwest::ClientBuilder) -> reqwest::Result<Self> {
        builder
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map(Self::new)
    }

    /// Creates a transport that connects to `endpoint` whatever the host and port of a URL;
    /// otherwise like [`build`](Self::build).
    ///
    /// The URL's host remains the server's name: TLS uses it for SNI and certificate verification,
    /// and the server receives it in `Host`. Endpoints behind TLS need this; balance over one such
    /// transport per endpoint. A URL whose host is an IP address connects to that address instead.
    /// An endpoint with a name is resolved for each connection.
    ///
    /// A port in the URL is sent in `Host` only. With HTTP/2, leave it out: `:authority` does not
    /// include it.
    ///
    /// # Errors
    ///
    /// Fails if reqwest cannot build the client, for example without a TLS backend.
    ///
    /// # Example
    ///
    /// Two endpoints, each verified with a certificate for `users`:
    ///
    /// ```
    /// use meshless::client::{Client, Transport};
    /// use meshless::load_balance::{LoadBalance, LoadBalancePolicy};
    /// use meshless::{Endpoint, Endpoints};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoints = Endpoints::fixed([
    ///     Endpoint::try_from("10.0.0.1:8443")?,
    ///     Endpoint::try_from("10.0.0.2:8443")?,
    /// ]);
    /// let users = LoadBalance::new(LoadBalancePolicy::default(), endpoints, |endpoint| {
    ///     // Apply the same TLS settings to each here, such as trusted roots.
    ///     Transport::to_endpoint(reqwest::Client::builder(), endpoint).expect("a TLS backend")
    /// });
    /// let client = Client::new(users);
    /// # let _ = client.get("https://users/v1/names");
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_endpoint(
        builder: reqwest::ClientBuilder,
        endpoint: &Endpoint,
    ) -> reqwest::Result<Self> {
        let resolver = Arc::new(FixedResolver::new(endpoint));
        let mut transport = Self::build(builder.no_proxy().dns_resolver(resolver))?;
        if let Kind::Reqwest { is_fixed, .. } = &mut transport.kind {
            *is_fixed = true;
        }
        Ok(transport)
    }
}

/// The same as [`pooled`](Transport::pooled) with a default [`TcpConnector`], no limit of connections, a connect
/// timeout of 10 s and an idle timeout of 90 s.
impl Default for Transport {
    fn default() -> Self {
        let policy = PoolPolicy::default().with_idle_timeout(IDLE);
        Self::pooled(policy, TcpConnector::default())
    }
}

/// Sends over a pool with a connector of any kind.
impl From<Pool> for Transport {
    fn from(pool: Pool) -> Self {
        let kind = Kind::Pool { pool, way: None };
        Self { kind }
    }
}

impl From<reqwest::Client> for Transport {
    fn from(client: reqwest::Client) -> Self {
        Self::new(client)
    }
}

impl<B> Service<Request<B>> for Transport
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    /// A [`pool::Error`](crate::pool::Error) or a [`reqwest::Error`].
    type Error = BoxError;
    type Future = TransportFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.kind {
            Kind::Pool { .. } => Poll::Ready(Ok(())),
            Kind::Reqwest { client, .. } => client.poll_ready(cx).map_err(Into::into),
        }
    }

    fn call(&mut self, mut request: Request<B>) -> TransportFuture {
        let (client, is_fixed) = match &mut self.kind {
            Kind::Pool { pool, way } => {
                let inner = pool.send(request, way.clone());
                return TransportFuture {
                    state: State::Pool(inner),
                };
            }
            Kind::Reqwest { client, is_fixed } => (client, *is_fixed),
        };
        if is_fixed {
            leave_port_to_host(&mut request);
        }
        // To reqwest it is a demand, which fails where the connection turns out to be HTTP/1.1; HTTP/2 is
        // spoken where it is negotiated, or known to be.
        if request.version() == Version::HTTP_2 {
            *request.version_mut() = Version::HTTP_11;
        }
        let asked = request.uri().clone();
        let request = request.map(|body| Body::wrap(body).into_reqwest());
        let state = match to_reqwest(request) {
            Ok(request) => State::Reqwest {
                asked,
                inner: client.call(request),
            },
            Err(error) => State::Invalid(Some(error)),
        };
        TransportFuture { state }
    }
}

/// Response future of [`Transport`].
#[pin_project]
#[derive(Debug)]
pub struct TransportFuture {
    #[pin]
    state: State,
}

#[pin_project(project = StateProj)]
#[derive(Debug)]
enum State {
    Invalid(Option<reqwest::Error>),
    Pool(#[pin] PoolFuture),
    Reqwest {
        asked: Uri,
        #[pin]
        inner: <reqwest::Client as Service<reqwest::Request>>::Future,
    },
}

impl Future for TransportFuture {
    type Output = Result<Response<Body>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Invalid(error) => {
                let error = error.take().expect("not polled after completion");
                Poll::Ready(Err(error.into()))
            }
            StateProj::Pool(inner) => {
                let response = ready!(inner.poll(cx))?;
                Poll::Ready(Ok(response.map(Body::of_pool)))
            }
            StateProj::Reqwest { asked, inner } => {
                let response = ready!(inner.poll(cx))?;
                Poll::Ready(Ok(convert(response, asked)))
            }
        }
    }
}
