use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Version, header};
use percent_encoding::percent_decode_str;
use reqwest::Url;

use crate::transport::client::send::to_uri;
use crate::transport::client::{Body, Error};

/// The parts collected by a [`RequestBuilder`](super::RequestBuilder).
#[derive(Debug)]
pub(in crate::transport::client) struct RequestParts {
    pub(in crate::transport::client) body: Body,
    pub(in crate::transport::client) extensions: Extensions,
    pub(in crate::transport::client) headers: HeaderMap,
    pub(in crate::transport::client) method: Method,
    pub(in crate::transport::client) url: Url,
    pub(in crate::transport::client) version: Version,
}

impl RequestParts {
    pub(in crate::transport::client) fn new(method: Method, url: Url) -> Self {
        Self {
            body: Body::empty(),
            extensions: Extensions::new(),
            headers: HeaderMap::new(),
            method,
            url,
            version: Version::default(),
        }
    }

    pub(in crate::transport::client) fn build(self) -> Result<(Request<Body>, Url), Error> {
        let mut request = Request::new(self.body);
        *request.extensions_mut() = self.extensions;
        *request.headers_mut() = self.headers;
        *request.method_mut() = self.method;
        *request.uri_mut() = to_uri(&self.url)?;
        *request.version_mut() = self.version;
        Ok((request, self.url))
    }

    pub(in crate::transport::client) fn content_type(&mut self, value: &'static str) {
        let value = HeaderValue::from_static(value);
        // A content type set by the caller takes precedence, as in reqwest.
        self.headers.entry(header::CONTENT_TYPE).or_insert(value);
    }

    /// Removes the user and the password from the URL and returns them.
    pub(in crate::transport::client) fn take_credentials(
        &mut self,
    ) -> Option<(String, Option<String>)> {
        if self.url.username().is_empty() && self.url.password().is_none() {
            return None;
        }
        let user = decoded(self.url.username());
        let password = self.url.password().map(decoded);
        // The URL is printed in errors and sent in `Referer`, where credentials must not appear.
        self.url.set_username("").ok()?;
        self.url.set_password(None).ok()?;
        Some((user, password))
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
