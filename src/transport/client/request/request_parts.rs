use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Version, header};

use super::redirect::{self, Next, RedirectContext};
use super::target::Target;
use crate::transport::client::{Body, Error};

/// The parts collected by a [`RequestBuilder`](super::RequestBuilder), and kept while the request runs to
/// follow a redirect.
#[derive(Debug)]
pub(in crate::transport::client) struct RequestParts {
    pub(in crate::transport::client) body: Body,
    pub(in crate::transport::client) extensions: Extensions,
    pub(in crate::transport::client) headers: HeaderMap,
    /// True if the request has no body, or one that can be sent again.
    is_repeatable: bool,
    pub(in crate::transport::client) method: Method,
    pub(in crate::transport::client) target: Target,
    pub(in crate::transport::client) version: Version,
}

impl RequestParts {
    pub(in crate::transport::client) fn new(method: Method, target: Target) -> Self {
        Self {
            body: Body::empty(),
            extensions: Extensions::new(),
            headers: HeaderMap::new(),
            is_repeatable: true,
            method,
            target,
            version: Version::default(),
        }
    }

    pub(in crate::transport::client) fn of<B: Into<Body>>(
        request: Request<B>,
    ) -> Result<Self, Error> {
        let target = Target::of_uri(request.uri())?;
        let (head, body) = request.into_parts();
        Ok(Self {
            body: body.into(),
            extensions: head.extensions,
            headers: head.headers,
            is_repeatable: true,
            method: head.method,
            target,
            version: head.version,
        })
    }

    /// Returns the request; `is_kept` keeps a copy of all of it that can be sent again.
    pub(in crate::transport::client) fn take_request(&mut self, is_kept: bool) -> Request<Body> {
        let copy = if is_kept { self.body.try_clone() } else { None };
        self.is_repeatable = copy.is_some();
        let body = std::mem::replace(&mut self.body, copy.unwrap_or_default());
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.uri().clone();
        *request.version_mut() = self.version;
        if is_kept {
            *request.extensions_mut() = self.extensions.clone();
            *request.headers_mut() = self.headers.clone();
        } else {
            *request.extensions_mut() = std::mem::take(&mut self.extensions);
            *request.headers_mut() = std::mem::take(&mut self.headers);
        }
        request
    }

    /// Returns a copy; `None` if the body is a stream, which can be read only once.
    pub(in crate::transport::client) fn try_clone(&self) -> Option<Self> {
        Some(Self {
            body: self.body.try_clone()?,
            extensions: self.extensions.clone(),
            headers: self.headers.clone(),
            is_repeatable: true,
            method: self.method.clone(),
            target: self.target.clone(),
            version: self.version,
        })
    }

    pub(in crate::transport::client) fn redirect_context(
        &self,
        hops: usize,
    ) -> RedirectContext<'_> {
        RedirectContext {
            hops,
            repeatable: self.is_repeatable,
            method: &self.method,
            url: self.target.url(),
        }
    }

    /// Makes these the parts of the next request after a redirect.
    pub(in crate::transport::client) fn redirect(&mut self, next: Next) -> Result<(), Error> {
        redirect::adapt(&mut self.headers, self.target.url(), &next);
        if !next.body {
            // After 303, and for a `POST` after 301 and 302, the next request has no body.
            self.body = Body::empty();
        }
        self.method = next.method;
        self.target = Target::of_url(next.url)?;
        Ok(())
    }

    pub(in crate::transport::client) fn content_type(&mut self, value: &'static str) {
        let value = HeaderValue::from_static(value);
        // A content type set by the caller takes precedence, as in reqwest.
        self.headers.entry(header::CONTENT_TYPE).or_insert(value);
    }

    /// Adds those headers of which the request has none.
    pub(in crate::transport::client) fn add_default_headers(&mut self, defaults: &HeaderMap) {
        for name in defaults.keys() {
            if !self.headers.contains_key(name) {
                for value in defaults.get_all(name) {
                    self.headers.append(name.clone(), value.clone());
                }
            }
        }
    }
}
