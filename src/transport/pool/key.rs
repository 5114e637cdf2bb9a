//! Pool keys, and the form in which a request is written on a connection.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Uri, Version, header};

use super::connection::wire::Wire;
use crate::foundation::outcome::BoxError;

/// Whom a connection is to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PoolKey {
    authority: Authority,
    scheme: Scheme,
    way: Option<Way>,
}

/// A way to make connections that is not the pool's own, such as under another name than the address.
///
/// Its clones are the same way. Connections that were made in one way carry no request of another.
#[derive(Clone, Debug)]
pub(crate) struct Way(Arc<dyn Dial>);

/// Makes connections.
pub(crate) trait Dial: Debug + Send + Sync {
    /// Connects to the scheme, host and port of `uri`.
    fn dial(&self, uri: Uri) -> Dialling;

    /// Returns the credentials for the proxy that leads to `uri`, if it asks for some.
    fn proxy_authorization(&self, uri: &Uri) -> Option<HeaderValue>;
}

/// A connection in the making.
pub(crate) type Dialling = Pin<Box<dyn Future<Output = Result<Wire, BoxError>> + Send>>;

#[cfg_attr(
    not(feature = "reqwest"),
    expect(dead_code, reason = "clients alone have ways of their own")
)]
impl Way {
    pub(crate) fn new(dial: impl Dial + 'static) -> Self {
        Self(Arc::new(dial))
    }
}

impl PartialEq for Way {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Way {}

impl Hash for Way {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).cast::<()>().hash(state);
    }
}

/// Hashes eight bytes at a time: an authority's own hash is fed byte by byte, which costs more than the rest
/// of a pool's work.
impl Hash for PoolKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for chunk in self.authority.as_str().as_bytes().chunks(8) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            // Authorities are equal whatever the case of their letters; this bit is that difference.
            state.write_u64(u64::from_le_bytes(bytes) | 0x2020_2020_2020_2020);
        }
        state.write_u8(u8::from(self.scheme == Scheme::HTTPS));
        self.way.hash(state);
    }
}

impl PoolKey {
    /// Returns whom a request is for, if its URI says so.
    pub(super) fn of(uri: &Uri, way: Option<Way>) -> Option<Self> {
        let authority = uri.authority()?.clone();
        let scheme = uri.scheme().cloned().unwrap_or_else(|| {
            if authority.port_u16() == Some(443) {
                Scheme::HTTPS
            } else {
                Scheme::HTTP
            }
        });
        Some(Self {
            authority,
            scheme,
            way,
        })
    }

    #[cfg_attr(
        not(all(feature = "istio", feature = "reqwest")),
        expect(dead_code, reason = "a mesh alone has ways of its own")
    )]
    pub(super) const fn way(&self) -> Option<&Way> {
        self.way.as_ref()
    }

    /// Makes a connection in the way of its own, if it has one.
    pub(super) fn dial(&self) -> Option<Dialling> {
        let way = self.way.as_ref()?;
        Some(way.0.dial(self.uri()))
    }

    /// Returns the credentials for a proxy on the way, if it asks for some.
    pub(super) fn proxy_authorization(&self) -> Option<HeaderValue> {
        let way = self.way.as_ref()?;
        way.0.proxy_authorization(&self.uri())
    }

    /// Returns the URI that the connector gets.
    pub(super) fn uri(&self) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        parts.scheme = Some(self.scheme.clone());
        Uri::from_parts(parts).expect("a scheme, an authority and a path")
    }
}

/// Form of the request target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// HTTP/1 with the path only (origin-form).
    Origin,
    /// HTTP/1 to a proxy, with the whole URI (absolute-form).
    Absolute,
    Http2,
}

/// The parts of a request that [`prepare`](Self::prepare) changes, to restore them before another
/// attempt.
pub(super) struct Original {
    connection: Option<HeaderValue>,
    host: Option<HeaderValue>,
    /// Credentials for a proxy were added.
    pub(super) is_authorized: bool,
    uri: Uri,
    version: Version,
}

impl Original {
    /// Changes `request` to the form of its connection, and returns the original parts.
    pub(super) fn prepare<B>(request: &mut Request<B>, form: Form, is_last: bool) -> Self {
        let original = Self {
            connection: request.headers().get(header::CONNECTION).cloned(),
            host: request.headers().get(header::HOST).cloned(),
            is_authorized: false,
            uri: request.uri().clone(),
            version: request.version(),
        };
        match form {
            Form::Http2 => original.prepare_http2(request),
            Form::Absolute | Form::Origin => original.prepare_http1(request, form, is_last),
        }
        original
    }

    /// Restores the original parts.
    pub(super) fn restore<B>(self, request: &mut Request<B>) {
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        let headers = request.headers_mut();
        if self.is_authorized {
            headers.remove(header::PROXY_AUTHORIZATION);
        }
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
        // A hop speaks its own version.
        if self.version != Version::HTTP_11 {
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

    /// Moves `Host` to `:authority`, which takes precedence over the URI's authority.
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
        // User information is not sent.
        let text = authority.as_str();
        match text.bytes().rposition(|byte| byte == b'@') {
            Some(at) => &text[at + 1..],
            None => text,
        }
    };
    HeaderValue::from_str(text).ok()
}
