#[cfg(feature = "serde")]
mod config;

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Response, StatusCode, header};

use super::path::legal;
use crate::foundation::http::authority::forwarded_proto;
use crate::foundation::outcome::LocalReplyBody;
use crate::policies::traffic_split::machine::Matched;
use crate::policies::traffic_split::matching::match_input::MatchInput;
use crate::policies::traffic_split::{PathMatch, PathRewrite};

/// Redirect response of a route.
///
/// Parts of the URI that are not set stay as they are in the request.
#[derive(Clone, Debug)]
pub struct Redirect {
    authority: Option<Authority>,
    keep_query: bool,
    path: Option<PathRewrite>,
    path_has_query: bool,
    port: Port,
    scheme: Option<Scheme>,
    status: StatusCode,
}

#[derive(Clone, Copy, Debug)]
enum Port {
    Fixed(u16),
    Preserved,
    OfRequest,
}

impl Redirect {
    /// Sets the host, optionally with a port.
    #[must_use]
    pub fn with_authority(mut self, authority: Authority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Sets the whole path. A path with a query also replaces the caller's query; without one, the
    /// caller's query stays.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Box<str>>) -> Self {
        let path = path.into();
        self.path_has_query = path.contains('?');
        self.path = Some(PathRewrite::full(path));
        self
    }

    /// Sets the rewrite of the path.
    #[must_use]
    pub fn with_path_rewrite(mut self, rewrite: PathRewrite) -> Self {
        self.path_has_query = false;
        self.path = Some(rewrite);
        self
    }

    /// Sets the port, which is then always written, even if it is the scheme's default.
    ///
    /// By default the port stays, except that `:80` and `:443` are dropped when the scheme changes.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Port::Fixed(port);
        self
    }

    /// Writes the port at which the request arrived, regardless of its host: Istio's
    /// `derivePort: FROM_REQUEST_PORT`.
    #[must_use]
    pub const fn with_port_of_request(mut self) -> Self {
        self.port = Port::OfRequest;
        self
    }

    /// Sets whether the caller's query is dropped. The default is to keep it.
    #[must_use]
    pub const fn with_query_stripped(mut self, stripped: bool) -> Self {
        self.keep_query = !stripped;
        self
    }

    /// Sets the scheme.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = Some(scheme);
        self
    }

    /// Sets the status. The default is 301; Istio allows 301, 302, 303, 307 and 308.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Creates the response; returns none if the new location is not a valid header value.
    pub(in crate::policies::traffic_split) fn response(
        &self,
        input: &MatchInput<'_>,
        matched: Matched<'_>,
    ) -> Option<Response<LocalReplyBody>> {
        let location = self.location(input, matched)?;
        let mut response = Response::new(LocalReplyBody::empty());
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::LOCATION, location);
        Some(response)
    }

    /// Returns the new location; none if it is not a valid header value.
    fn location(&self, input: &MatchInput<'_>, matched: Matched<'_>) -> Option<HeaderValue> {
        let scheme = self
            .scheme
            .as_ref()
            .map_or_else(|| input.addressed().scheme, Scheme::as_str);
        let host = match &self.authority {
            Some(authority) => authority.as_str(),
            None => self.host(input, scheme),
        };
        let port = match self.port {
            Port::Fixed(port) => Some(port),
            Port::Preserved => None,
            Port::OfRequest => Some(input.addressed().port()),
        };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = self.path(input.path(), matched.path());
        let query = match input.head.uri().query() {
            // The query of a new path replaces that of the caller.
            Some(query) if self.keep_query && !self.path_has_query => format!("?{query}"),
            _ => String::new(),
        };
        let location = if host.is_empty() {
            // Without a host in the request, a relative location leaves it to the caller.
            format!("{path}{query}")
        } else {
            format!("{scheme}://{host}{port}{path}{query}")
        };
        HeaderValue::try_from(location).ok()
    }

    /// Returns the host of the request, without its port if another one is written, or if it is the
    /// default of the old scheme.
    fn host<'a>(&self, input: &MatchInput<'a>, scheme: &str) -> &'a str {
        let addressed = input.addressed();
        let (host, port) = (addressed.host, addressed.host_port);
        // Behind a proxy that terminates TLS, the caller's scheme is in the header.
        let old = forwarded_proto(&input.head).unwrap_or(addressed.scheme);
        let stood_for =
            scheme != old && matches!((old, port), ("http", Some(80)) | ("https", Some(443)));
        if stood_for || !matches!(self.port, Port::Preserved) {
            host
        } else {
            addressed.authority
        }
    }

    fn path(&self, path: &str, by: Option<&PathMatch>) -> String {
        let rewritten = self.path.as_ref().and_then(|p| p.rewritten(path, by));
        rewritten.map_or_else(|| path.to_owned(), |path| legal(&path))
    }
}

impl Default for Redirect {
    fn default() -> Self {
        Self {
            authority: None,
            keep_query: true,
            path: None,
            path_has_query: false,
            port: Port::Preserved,
            scheme: None,
            status: StatusCode::MOVED_PERMANENTLY,
        }
    }
}
