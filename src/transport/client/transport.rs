use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response, Uri, Version};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use reqwest::{ResponseBuilderExt, Url};
use tower_service::Service;

use super::Body;
use super::fixed_resolver::{FixedResolver, leave_port_to_host};
use crate::foundation::endpoints::Endpoint;
use crate::foundation::outcome::BoxError;

/// Sends requests with a [`reqwest::Client`]: the innermost service of a stack.
///
/// Accepts any request body. The final URL of a response is available as
/// `reqwest::Response::from(response).url()`. Clones share the client's connections.
///
/// # Built-in behaviour of a finished client
///
/// The settings of a finished `reqwest::Client` cannot be changed, and part of its behaviour is
/// invisible to the layers around a transport made [with `new`](Self::new):
///
/// - it follows up to 10 redirects, so one request of a stack is several requests at the upstream;
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
    client: reqwest::Client,
    /// True if all requests go to one endpoint, whatever the port of their URL.
    is_fixed: bool,
}

impl Transport {
    /// Creates a transport over a finished client, including its built-in behaviour.
    #[must_use]
    pub const fn new(client: reqwest::Client) -> Self {
        Self {
            client,
            is_fixed: false,
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
        let transport = Self::build(builder.no_proxy().dns_resolver(resolver))?;
        Ok(Self {
            is_fixed: true,
            ..transport
        })
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
    type Error = reqwest::Error;
    type Future = TransportFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), reqwest::Error>> {
        self.client.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> TransportFuture {
        if self.is_fixed {
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
            Ok(request) => State::Pending {
                asked,
                inner: self.client.call(request),
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
    Pending {
        asked: Uri,
        #[pin]
        inner: <reqwest::Client as Service<reqwest::Request>>::Future,
    },
}

impl Future for TransportFuture {
    type Output = reqwest::Result<Response<Body>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Invalid(error) => {
                Poll::Ready(Err(error.take().expect("not polled after completion")))
            }
            StateProj::Pending { asked, inner } => {
                let response = ready!(inner.poll(cx))?;
                Poll::Ready(Ok(convert(response, asked)))
            }
        }
    }
}

/// The final URL of a response, if it differs from the request's: reqwest followed redirects by
/// itself.
#[derive(Clone, Debug)]
pub(super) struct Redirected(pub(super) Url);

fn convert(response: reqwest::Response, asked: &Uri) -> Response<Body> {
    let url = response.url().clone();
    let mut response = Response::<reqwest::Body>::from(response).map(Body::from);
    if !is_printed_as(asked, &url) {
        response.extensions_mut().insert(Redirected(url.clone()));
    }
    // Conversion to `http::Response` drops the URL, and the extension type in which reqwest looks
    // for it is private; `ResponseBuilderExt` sets it. The extensions pass through the builder, since a
    // second map of them would cost more than the rest.
    let extensions = std::mem::take(response.extensions_mut());
    let mut carrier = http::response::Builder::new();
    if let Some(carried) = carrier.extensions_mut() {
        *carried = extensions;
    }
    if let Ok(carrier) = carrier.url(url).body(()) {
        let (carrier, ()) = carrier.into_parts();
        *response.extensions_mut() = carrier.extensions;
    }
    response
}

/// Returns true if a URL is what a URI is, apart from its fragment, without printing the URI.
fn is_printed_as(uri: &Uri, url: &Url) -> bool {
    let (scheme, authority, path) = printed(uri);
    let text = url.as_str();
    let text = text.split_once('#').map_or(text, |(text, _)| text);
    let rest = text.strip_prefix(scheme);
    let rest = rest.and_then(|rest| rest.strip_prefix("://"));
    rest.and_then(|rest| rest.strip_prefix(authority)) == Some(path)
}

/// Returns the scheme, the authority, and the path and query of an absolute URI.
fn printed(uri: &Uri) -> (&str, &str, &str) {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    (uri.scheme_str().unwrap_or_default(), authority, path)
}

/// Converts a request as reqwest does by itself, but prints the URI faster.
fn to_reqwest(request: Request<reqwest::Body>) -> reqwest::Result<reqwest::Request> {
    // Extensions may hold settings that reqwest keeps to itself.
    if !request.extensions().is_empty() {
        return request.try_into();
    }
    let (scheme, authority, path) = printed(request.uri());
    let Ok(url) = [scheme, "://", authority, path].concat().parse() else {
        return request.try_into();
    };
    let (head, body) = request.into_parts();
    let mut request = reqwest::Request::new(head.method, url);
    *request.body_mut() = Some(body);
    *request.headers_mut() = head.headers;
    *request.version_mut() = head.version;
    Ok(request)
}
