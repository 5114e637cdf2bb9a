//! Whom a connection is to, and how a request is written on it.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Uri, Version, header};

/// Whom a connection is to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    authority: Authority,
    scheme: Scheme,
}

impl Key {
    /// Returns whom a request is for, if its URI says so.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority()?.clone();
        let scheme = uri.scheme().cloned().unwrap_or_else(|| {
            if authority.port_u16() == Some(443) {
                Scheme::HTTPS
            } else {
                Scheme::HTTP
            }
        });
        Some(Self { authority, scheme })
    }

    /// Returns what a connector is asked for.
    pub(super) fn uri(&self) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        parts.scheme = Some(self.scheme.clone());
        Uri::from_parts(parts).expect("a scheme, an authority and a path")
    }
}

/// How requests are written on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// HTTP/1, with the path only.
    Origin,
    /// HTTP/1 to a proxy, with the whole URI.
    Absolute,
    Http2,
}

/// What of a request is changed for a connection, to be put back if it goes on another one.
pub(super) struct Original {
    connection: Option<HeaderValue>,
    host: Option<HeaderValue>,
    uri: Uri,
    version: Version,
}

impl Original {
    /// Writes `request` in the form of a connection.
    pub(super) fn prepare<B>(request: &mut Request<B>, form: Form, is_last: bool) -> Self {
        let original = Self {
            connection: request.headers().get(header::CONNECTION).cloned(),
            host: request.headers().get(header::HOST).cloned(),
            uri: request.uri().clone(),
            version: request.version(),
        };
        match form {
            Form::Http2 => original.prepare_http2(request),
            Form::Absolute | Form::Origin => original.prepare_http1(request, form, is_last),
        }
        original
    }

    /// Undoes it.
    pub(super) fn restore<B>(self, request: &mut Request<B>) {
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        let headers = request.headers_mut();
        for (name, value) in [
            (header::CONNECTION, self.connection),
            (header::HOST, self.host),
        ] {
            match value {
                Some(value) => headers.insert(name, value),
                None => headers.remove(name),
            };
        }
    }

    fn prepare_http1<B>(&self, request: &mut Request<B>, form: Form, is_last: bool) {
        if self.version == Version::HTTP_2 {
            *request.version_mut() = Version::HTTP_11;
        }
        if self.host.is_none()
            && let Some(host) = host(&self.uri)
        {
            request.headers_mut().insert(header::HOST, host);
        }
        // One that switches protocols is the last on its connection anyway, and has to name that.
        if is_last && !request.headers().contains_key(header::UPGRADE) {
            let close = HeaderValue::from_static("close");
            request.headers_mut().insert(header::CONNECTION, close);
        }
        let mut parts = http::uri::Parts::default();
        if request.method() == Method::CONNECT {
            parts.authority = self.uri.authority().cloned();
        } else if form == Form::Origin {
            let path = self.uri.path_and_query().cloned();
            parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        } else {
            return;
        }
        *request.uri_mut() = Uri::from_parts(parts).expect("an authority or a path");
    }

    /// The `Host` that a request has is whom it is for, wherever it is sent.
    fn prepare_http2<B>(&self, request: &mut Request<B>) {
        *request.version_mut() = Version::HTTP_2;
        let authority = request
            .headers_mut()
            .remove(header::HOST)
            .and_then(|host| Authority::try_from(host.as_bytes()).ok());
        if request.method() == Method::CONNECT {
            return;
        }
        let mut parts = self.uri.clone().into_parts();
        if authority.is_some() {
            parts.authority = authority;
        }
        parts.scheme = parts.scheme.or(Some(Scheme::HTTP));
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
}

/// Returns the `Host` of a URI, without the port that its scheme implies.
fn host(uri: &Uri) -> Option<HeaderValue> {
    let authority = uri.authority()?;
    let is_default = matches!(
        (uri.scheme_str(), authority.port_u16()),
        (Some("http") | None, Some(80)) | (Some("https"), Some(443))
    );
    let text = if is_default {
        authority.host()
    } else {
        // What may stand before `@` is for nobody's eyes.
        authority.as_str().rsplit('@').next().unwrap_or_default()
    };
    HeaderValue::from_str(text).ok()
}
