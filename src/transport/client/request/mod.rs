pub(in crate::transport::client) mod redirect;
pub(in crate::transport::client) mod request_parts;
pub(in crate::transport::client) mod target;

use std::fmt::{self, Debug, Display, Formatter};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header};
use serde::Serialize;

use super::{Body, Client, Error, HttpService, ResponseFuture};
use request_parts::RequestParts;
use target::Target;

/// Builder of a request; see [`Client::request`].
///
/// The first error is kept and returned when the request is [sent](Self::send) or
/// [built](Self::build).
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder<S> {
    client: Client<S>,
    // Boxed: a builder is moved by each of its methods.
    parts: Result<Box<RequestParts>, Error>,
}

impl<S> RequestBuilder<S> {
    pub(super) fn new(client: Client<S>, method: Method, url: &str) -> Self {
        let parts = Target::parse(url).map(|target| Box::new(RequestParts::new(method, target)));
        Self { client, parts }.with_url_credentials()
    }

    /// Appends a header; existing headers of the same name are kept.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.try_with(|parts| {
            let name = HeaderName::try_from(name).map_err(to_error)?;
            let value = HeaderValue::try_from(value).map_err(to_error)?;
            parts.headers.append(name, value);
            Ok(())
        })
    }

    /// Inserts headers, which replace existing ones of the same name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.with(|parts| {
            let mut replaced = None;
            for (name, value) in headers {
                match (name, &replaced) {
                    (Some(name), _) => {
                        parts.headers.insert(name.clone(), value);
                        replaced = Some(name);
                    }
                    // `HeaderMap` yields a name once: `None` is a further value of the previous
                    // name.
                    (None, Some(name)) => {
                        parts.headers.append(name.clone(), value);
                    }
                    (None, None) => {}
                }
            }
        })
    }

    /// Adds `query` to the URL's query, as `key=value` pairs.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.try_with(|parts| {
            let query = serde_urlencoded::to_string(query).map_err(Error::builder)?;
            if query.is_empty() {
                return Ok(());
            }
            parts.target.append_query(&query)
        })
    }

    /// Sets the body to `value` serialized as JSON, and `Content-Type` unless it is already set.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.try_with(|parts| {
            parts.body = serde_json::to_vec(value).map_err(Error::builder)?.into();
            parts.content_type("application/json");
            Ok(())
        })
    }

    /// Sets the body to `value` in URL-encoded form, and `Content-Type` unless it is already set.
    pub fn form<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.try_with(|parts| {
            let form = serde_urlencoded::to_string(value).map_err(Error::builder)?;
            parts.body = form.into();
            parts.content_type("application/x-www-form-urlencoded");
            Ok(())
        })
    }

    /// Sets the body.
    ///
    /// A stream (see [`Body::wrap`]) can be sent only once: a redirect that would resend it is not
    /// followed.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.with(|parts| parts.body = body.into())
    }

    /// Sets `Authorization: Bearer` with `token`, marked sensitive (not printed in logs).
    pub fn bearer_auth(self, token: impl Display) -> Self {
        self.authorization(&format!("Bearer {token}"))
    }

    /// Sets `Authorization: Basic` with a user and a password, marked sensitive (not printed in
    /// logs).
    pub fn basic_auth(self, user: impl Display, password: Option<impl Display>) -> Self {
        let credentials = match password {
            Some(password) => format!("{user}:{password}"),
            None => format!("{user}:"),
        };
        self.authorization(&format!("Basic {}", BASE64.encode(credentials)))
    }

    /// Sets the version of HTTP to speak, if the connection is not to decide.
    ///
    /// HTTP/2 is spoken where it is negotiated, or where reqwest was built for it, and nowhere else
    /// whatever is said here. A [workload's](crate::mesh) client leaves all but HTTP/3 to the connection.
    pub fn version(self, version: Version) -> Self {
        self.with(|parts| parts.version = version)
    }

    /// Adds `value` to the request's extensions, where layers can read it.
    pub fn extension<T: Clone + Send + Sync + 'static>(self, value: T) -> Self {
        self.with(|parts| {
            parts.extensions.insert(value);
        })
    }

    /// Returns a copy; `None` if the body is a stream, which can be sent only once, or after an error.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self>
    where
        S: Clone,
    {
        let parts = self.parts.as_ref().ok()?.try_clone()?;
        Some(Self {
            client: self.client.clone(),
            parts: Ok(Box::new(parts)),
        })
    }

    /// Returns the request without sending it.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Builder`] for a bad URL, header, or value.
    pub fn build(self) -> Result<Request<Body>, Error> {
        Ok(self.parts?.take_request(false))
    }

    fn with_url_credentials(mut self) -> Self {
        let Ok(parts) = &mut self.parts else {
            return self;
        };
        match parts.target.take_credentials() {
            Ok(None) => self,
            Ok(Some((user, password))) => self.basic_auth(user, password),
            Err(error) => {
                self.parts = Err(error);
                self
            }
        }
    }

    fn authorization(self, value: &str) -> Self {
        self.try_with(|parts| {
            let mut value = HeaderValue::try_from(value).map_err(Error::builder)?;
            // Sensitive values are omitted from `Debug` output and not indexed by HPACK.
            value.set_sensitive(true);
            parts.headers.insert(header::AUTHORIZATION, value);
            Ok(())
        })
    }

    fn with(self, f: impl FnOnce(&mut RequestParts)) -> Self {
        self.try_with(|parts| {
            f(parts);
            Ok(())
        })
    }

    /// Applies `f` to the request parts; after the first error it does nothing.
    fn try_with(mut self, f: impl FnOnce(&mut RequestParts) -> Result<(), Error>) -> Self {
        if let Ok(parts) = &mut self.parts
            && let Err(error) = f(parts)
        {
            self.parts = Err(error);
        }
        self
    }
}

impl<S: HttpService> RequestBuilder<S> {
    /// Sends the request through the client's stack, and follows redirects.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Rejected`] if a policy of this crate answered instead of the upstream,
    /// [`Error::Send`] if there was no response, [`Error::Redirect`] after too many redirects, and
    /// [`Error::Builder`] for a request that cannot be built. A response with any status is not an
    /// error.
    pub fn send(self) -> ResponseFuture<S> {
        self.client.send(self.parts)
    }
}

impl<S> Debug for RequestBuilder<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestBuilder").field(&self.parts).finish()
    }
}

fn to_error(error: impl Into<http::Error>) -> Error {
    Error::builder(error.into())
}
