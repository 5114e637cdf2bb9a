use std::sync::Arc;

use http::{HeaderMap, Method, Request};

use super::request::request_parts::RequestParts;
use super::send::ResponseFuture;
use super::{Body, BoxHttpService, Error, HttpService, RequestBuilder, Transport};

/// A client with reqwest's API that sends its requests through any stack of layers.
///
/// Clones share the state that clones of the stack share. See the [module docs](super) for an
/// example.
#[derive(Clone, Debug)]
pub struct Client<S = Transport> {
    default_headers: Option<Arc<HeaderMap>>,
    redirects: usize,
    stack: S,
}

/// Default number of redirects, as in reqwest.
const REDIRECTS: usize = 10;

impl<S> Client<S> {
    /// Creates a client that sends its requests through `stack`, and follows up to 10 redirects.
    pub const fn new(stack: S) -> Self {
        Self {
            default_headers: None,
            redirects: REDIRECTS,
            stack,
        }
    }

    /// Sets the maximum number of redirects per request. Each passes the whole stack: it is routed,
    /// limited and counted like the first request. One redirect more is an error.
    ///
    /// The default is 10, as in reqwest; with 0 the redirect is returned as the response. A `POST`
    /// that is answered with 301, 302 or 303 becomes a `GET`; after 307 and 308 its body is sent
    /// again unless it is a stream, in which case the redirect is the response. Credentials,
    /// cookies and `Host` are sent only to their original origin.
    #[must_use]
    pub fn with_redirects(mut self, max: usize) -> Self {
        self.redirects = max;
        self
    }

    /// Sends these headers with each request that has none of that name. The default is none.
    ///
    /// They hold whatever the stack ends in; those of a `reqwest::ClientBuilder` only where reqwest itself
    /// sends. As with reqwest, credentials among them do not follow a redirect to another origin.
    #[must_use]
    pub fn with_default_headers(mut self, headers: HeaderMap) -> Self {
        self.default_headers = Some(Arc::new(headers));
        self
    }

    /// Returns the stack.
    pub const fn stack(&self) -> &S {
        &self.stack
    }

    /// Converts into the stack, to put another layer on top of it.
    pub fn into_stack(self) -> S {
        self.stack
    }
}

impl Client {
    /// Creates a client without layers; see [`Transport::build`] for the reqwest features that it
    /// turns off.
    ///
    /// # Errors
    ///
    /// Fails if reqwest cannot build the client, for example without a TLS backend.
    pub fn build(builder: reqwest::ClientBuilder) -> reqwest::Result<Self> {
        Transport::build(builder).map(Self::new)
    }
}

/// A client without layers, over a [default transport](Transport).
impl Default for Client {
    fn default() -> Self {
        Self::new(Transport::default())
    }
}

impl<S: HttpService> Client<S> {
    /// Starts a `GET` request.
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder<S> {
        self.request(Method::GET, url)
    }

    /// Starts a `POST` request.
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder<S> {
        self.request(Method::POST, url)
    }

    /// Starts a `PUT` request.
    pub fn put(&self, url: impl AsRef<str>) -> RequestBuilder<S> {
        self.request(Method::PUT, url)
    }

    /// Starts a `PATCH` request.
    pub fn patch(&self, url: impl AsRef<str>) -> RequestBuilder<S> {
        self.request(Method::PATCH, url)
    }

    /// Starts a `DELETE` request.
    pub fn delete(&self, url: impl AsRef<str>) -> RequestBuilder<S> {
        self.request(Method::DELETE, url)
    }

    /// Starts a `HEAD` request.
    pub fn head(&self, url: impl AsRef<str>) -> RequestBuilder<S> {
        self.request(Method::HEAD, url)
    }

    /// Starts a request; an invalid URL is reported by [`send`](RequestBuilder::send).
    ///
    /// A user and password in the URL are sent as basic authentication, as in reqwest.
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder<S> {
        RequestBuilder::new(self.clone(), method, url.as_ref())
    }

    /// Sends a finished request to its absolute URI.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`].
    pub fn execute<B>(&self, request: Request<B>) -> ResponseFuture<S>
    where
        B: Into<Body>,
    {
        self.clone().send(RequestParts::of(request).map(Box::new))
    }

    pub(super) fn send(self, mut parts: Result<Box<RequestParts>, Error>) -> ResponseFuture<S> {
        if let (Ok(parts), Some(defaults)) = (&mut parts, &self.default_headers) {
            parts.add_default_headers(defaults);
        }
        ResponseFuture::new(self.stack, parts, self.redirects)
    }
}

impl<S> Client<S>
where
    S: HttpService + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::ResponseBody: Send + 'static,
{
    /// Converts into a client with an erased stack type, for a field of a struct.
    ///
    /// The future and the body of each request are boxed: two allocations.
    #[must_use]
    pub fn boxed(self) -> Client<BoxHttpService> {
        Client {
            default_headers: self.default_headers,
            redirects: self.redirects,
            stack: BoxHttpService::new(self.stack),
        }
    }
}

impl From<reqwest::Client> for Client {
    fn from(client: reqwest::Client) -> Self {
        Self::new(client.into())
    }
}
