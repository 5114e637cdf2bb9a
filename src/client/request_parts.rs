use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Version, header};
use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::send::to_uri;
use super::{Body, Error};

/// What is known of a request in the making.
#[derive(Debug)]
pub(super) struct RequestParts {
    pub(super) body: Body,
    pub(super) extensions: Extensions,
    pub(super) headers: HeaderMap,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) version: Version,
}

impl RequestParts {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            body: Body::empty(),
            extensions: Extensions::new(),
            headers: HeaderMap::new(),
            method,
            url,
            version: Version::default(),
        }
    }

    pub(super) fn build(self) -> Result<(Request<Body>, Url), Error> {
        let mut request = Request::new(self.body);
        *request.extensions_mut() = self.extensions;
        *request.headers_mut() = self.headers;
        *request.method_mut() = self.method;
        *request.uri_mut() = to_uri(&self.url)?;
        *request.version_mut() = self.version;
        Ok((request, self.url))
    }

    pub(super) fn content_type(&mut self, value: &'static str) {
        let value = HeaderValue::from_static(value);
        self.headers.entry(header::CONTENT_TYPE).or_insert(value);
    }

    /// Takes the user and the password out of the URL.
    pub(super) fn take_credentials(&mut self) -> Option<(String, Option<String>)> {
        if self.url.username().is_empty() && self.url.password().is_none() {
            return None;
        }
        let user = decoded(self.url.username());
        let password = self.url.password().map(decoded);
        self.url.set_username("").ok()?;
        self.url.set_password(None).ok()?;
        Some((user, password))
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
