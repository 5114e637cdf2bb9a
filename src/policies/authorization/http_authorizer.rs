use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Limited};
use tower_service::Service;

use super::external::{Authorize, CheckFuture, CheckRequest, CheckResponse};
use crate::foundation::outcome::BoxError;

/// External authorizer that is asked over HTTP: Istio's provider `envoyExtAuthzHttp`.
///
/// It is sent the method, the path and the host of the request, its `Authorization`, and
/// [more headers](Self::with_request_headers) if they are named; no body. The status 200 allows the request, one from 500
/// is a failure, and any other denies with its status, headers and body.
///
/// The service is a client with the policies that it needs, such as `Client` or a stack of
/// [`outbound`](crate::outbound()).
#[derive(Clone, Debug)]
pub struct HttpAuthorizer<S> {
    authority: Uri,
    inner: S,
    path_prefix: Box<str>,
    request_headers: Vec<HeaderName>,
    timeout: Duration,
    upstream_headers: Vec<HeaderName>,
}

/// Maximum number of bytes of a denial's body.
const MAX_BODY: usize = 64 << 10;

/// Default time for a check.
const TIMEOUT: Duration = Duration::from_secs(10);

impl<S> HttpAuthorizer<S> {
    /// Creates an authorizer at the scheme and authority of `uri`, which `service` reaches.
    #[must_use]
    pub fn new(uri: Uri, service: S) -> Self {
        Self {
            authority: uri,
            inner: service,
            path_prefix: "".into(),
            request_headers: Vec::new(),
            timeout: TIMEOUT,
            upstream_headers: Vec::new(),
        }
    }

    /// Sets what stands before the path of a check: Istio's `pathPrefix`. The default is nothing.
    #[must_use]
    pub fn with_path_prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.path_prefix = prefix.into();
        self
    }

    /// Adds headers of the request that a check has: Istio's `includeRequestHeadersInCheck`. The default is
    /// `Authorization` alone.
    #[must_use]
    pub fn with_request_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.request_headers.extend(names);
        self
    }

    /// Adds headers of the answer that replace those of a request that it allows: Istio's `headersToUpstreamOnAllow`.
    /// By default the request stays as it is.
    #[must_use]
    pub fn with_upstream_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.upstream_headers.extend(names);
        self
    }

    /// Sets the time for a check, after which it has failed. The default is 10 s; 0 fails each.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn request(&self, check: &CheckRequest) -> Result<Request<Empty<Bytes>>, BoxError> {
        let path = check.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let mut parts = self.authority.clone().into_parts();
        parts.path_and_query = Some(format!("{}{path}", self.path_prefix).try_into()?);
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = Uri::from_parts(parts)?;
        request.method_mut().clone_from(&check.method);
        let names = self.request_headers.iter();
        *request.headers_mut() = only(&check.headers, names.chain(&[AUTHORIZATION, HOST]));
        if let Some(authority) = check.uri.authority() {
            let host = HeaderValue::try_from(authority.as_str())?;
            request.headers_mut().insert(HOST, host);
        }
        Ok(request)
    }
}

/// Returns the headers of these names.
fn only<'a>(headers: &HeaderMap, names: impl Iterator<Item = &'a HeaderName>) -> HeaderMap {
    let mut own = HeaderMap::new();
    for name in names.filter(|name| headers.contains_key(*name)) {
        own.remove(name);
        for value in headers.get_all(name) {
            own.append(name, value.clone());
        }
    }
    own
}

impl<S, R> Authorize for HttpAuthorizer<S>
where
    S: Service<Request<Empty<Bytes>>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    fn check(&self, check: CheckRequest) -> CheckFuture {
        let this = self.clone();
        Box::pin(async move {
            let timeout = this.timeout;
            tokio::time::timeout(timeout, this.ask(check)).await?
        })
    }
}

impl<S> HttpAuthorizer<S> {
    async fn ask<R>(mut self, check: CheckRequest) -> Result<CheckResponse, BoxError>
    where
        S: Service<Request<Empty<Bytes>>, Response = Response<R>>,
        S::Error: Into<BoxError>,
        R: Body<Data = Bytes>,
        R::Error: Into<BoxError>,
    {
        let request = self.request(&check)?;
        std::future::poll_fn(|cx| self.inner.poll_ready(cx))
            .await
            .map_err(Into::into)?;
        let response = self.inner.call(request).await.map_err(Into::into)?;
        let (head, body) = response.into_parts();
        match head.status {
            StatusCode::OK => Ok(CheckResponse::Allowed {
                request_headers: only(&head.headers, self.upstream_headers.iter()),
                response_headers: HeaderMap::new(),
            }),
            status if status.is_server_error() => {
                Err(format!("the authorizer answered {status}").into())
            }
            status => Ok(CheckResponse::Denied {
                body: Limited::new(body, MAX_BODY).collect().await?.to_bytes(),
                headers: denial(head.headers),
                status,
            }),
        }
    }
}

/// Returns the headers of a denial that its caller gets: those of the answer that are not of its connection or its
/// length.
fn denial(mut headers: HeaderMap) -> HeaderMap {
    let own = [
        "connection",
        "content-length",
        "keep-alive",
        "transfer-encoding",
        "upgrade",
    ];
    for name in own {
        headers.remove(name);
    }
    headers
}
