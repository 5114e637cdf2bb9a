use std::pin::Pin;

use bytes::Bytes;
use http::{Extensions, HeaderMap, StatusCode, Version};
use http_body::Body as HttpBody;
use http_body_util::combinators::MapErr;
use http_body_util::{BodyDataStream, BodyExt};
use hyper_util::rt::TokioIo;
use reqwest::{ResponseBuilderExt, Url};
use serde::de::DeserializeOwned;

use super::body::lazy_pin::LazyPin;
use super::body::sync::SyncBody;
use super::request::target::Target;
use super::{Body, Error, Upgraded};
use crate::foundation::outcome::BoxError;

/// A response to a request of a [`Client`](super::Client).
///
/// `R` is the response body type of the client's stack.
#[derive(Debug)]
pub struct Response<R = Body> {
    body: LazyPin<R>,
    extensions: Extensions,
    headers: HeaderMap,
    status: StatusCode,
    target: Target,
    version: Version,
}

impl<R> Response<R> {
    pub(super) fn new(response: http::Response<R>, target: Target) -> Self {
        let (head, body) = response.into_parts();
        Self {
            body: LazyPin::new(body),
            extensions: head.extensions,
            headers: head.headers,
            status: head.status,
            target,
            version: head.version,
        }
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the HTTP version of the response.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Returns the headers.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the extensions, where layers leave information about the response.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Returns the URL of the last request, after all redirects.
    ///
    /// This is the requested URL, even if a layer sent the request to another address.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.target.url()
    }

    /// Switches to the protocol that was asked for, after a response with status 101.
    ///
    /// What the layers hold for the request, such as a place in a concurrency limit, they hold until the
    /// connection is dropped. No timeout of theirs ends it.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Body`] if the server did not switch, or if the connection ended before it had.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn run(client: meshless::client::Client) -> Result<(), meshless::client::Error> {
    /// let response = client
    ///     .get("http://events/live")
    ///     .header("connection", "upgrade")
    ///     .header("upgrade", "websocket")
    ///     .header("sec-websocket-version", "13")
    ///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    ///     .send()
    ///     .await?;
    /// // Any WebSocket library goes on with this.
    /// let connection = response.upgrade().await?;
    /// # let _ = connection;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn upgrade(self) -> Result<Upgraded<R>, Error> {
        let mut head = http::Response::new(());
        *head.extensions_mut() = self.extensions;
        let upgraded = hyper::upgrade::on(&mut head).await;
        let upgraded =
            upgraded.map_err(|error| Error::body(error, Some(self.target.into_url())))?;
        Ok(Upgraded::new(
            TokioIo::new(upgraded),
            self.body.into_pinned(),
        ))
    }

    pub(super) fn into_http(self) -> (http::Response<Pin<Box<R>>>, Box<Url>) {
        let mut response = http::Response::new(self.body.into_pinned());
        *response.extensions_mut() = self.extensions;
        *response.headers_mut() = self.headers;
        *response.status_mut() = self.status;
        *response.version_mut() = self.version;
        (response, self.target.into_url())
    }

    /// Makes an error of a status of 400 or above.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Status`] for a status of 400 or above.
    pub fn error_for_status(self) -> Result<Self, Error> {
        if self.status.is_client_error() || self.status.is_server_error() {
            return Err(Error::Status {
                status: self.status,
                url: Some(self.target.into_url()),
            });
        }
        Ok(self)
    }
}

impl<R> Response<R>
where
    R: HttpBody<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    /// Returns the number of remaining body bytes, if known.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Body`] if the body ends early.
    pub async fn bytes(self) -> Result<Bytes, Error> {
        self.read().await.map(|(bytes, _)| bytes)
    }

    /// Reads the body to its end as UTF-8; invalid sequences are replaced by `U+FFFD`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Body`] if the body ends early.
    pub async fn text(self) -> Result<String, Error> {
        let bytes = self.bytes().await?;
        Ok(match String::from_utf8_lossy(&bytes) {
            std::borrow::Cow::Borrowed(text) => text.to_owned(),
            std::borrow::Cow::Owned(text) => text,
        })
    }

    /// Reads the body to its end as JSON.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Body`] if the body ends early, and [`Error::Decode`] if it is not the JSON
    /// form of a `T`.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let (bytes, target) = self.read().await?;
        serde_json::from_slice(&bytes).map_err(|error| Error::Decode {
            source: error.into(),
            url: Some(target.into_url()),
        })
    }

    /// Reads the next chunk of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Body`] if the body ends early.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let Some(frame) = self.body.pinned().frame().await else {
                return Ok(None);
            };
            match frame.map(http_body::Frame::into_data) {
                Ok(Ok(data)) => return Ok(Some(data)),
                Ok(Err(_trailers)) => {}
                Err(error) => {
                    let url = Box::new(self.target.url().clone());
                    return Err(Error::body(error, Some(url)));
                }
            }
        }
    }

    /// Returns the body as a stream of chunks.
    pub fn bytes_stream(self) -> BytesStream<Pin<Box<R>>> {
        let to_error: fn(R::Error) -> Error = |error| Error::body(error, None);
        BodyDataStream::new(self.into_body().map_err(to_error))
    }

    /// Returns the body, for its frames and trailers.
    pub fn into_body(self) -> Pin<Box<R>> {
        self.body.into_pinned()
    }

    async fn read(self) -> Result<(Bytes, Target), Error> {
        match self.body.bytes().await {
            Ok(bytes) => Ok((bytes, self.target)),
            Err(error) => Err(Error::body(error, Some(self.target.into_url()))),
        }
    }
}

/// Stream of the chunks of a response body; see [`Response::bytes_stream`].
pub type BytesStream<R> = BodyDataStream<MapErr<R, fn(<R as HttpBody>::Error) -> Error>>;

/// The URL is not part of an `http::Response`.
impl<R> From<Response<R>> for http::Response<Pin<Box<R>>> {
    fn from(response: Response<R>) -> Self {
        response.into_http().0
    }
}

/// The URL is kept.
impl<R> From<Response<R>> for reqwest::Response
where
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    fn from(response: Response<R>) -> Self {
        let (response, url) = response.into_http();
        let (mut head, body) = response.into_parts();
        let mut carrier = http::response::Builder::new();
        if let Some(carried) = carrier.extensions_mut() {
            *carried = head.extensions;
        }
        let carrier = carrier.url(*url).body(());
        head.extensions = carrier.map_or_else(|_| Extensions::new(), take_extensions);
        let body = reqwest::Body::wrap(SyncBody::new(body));
        http::Response::from_parts(head, body).into()
    }
}

fn take_extensions(response: http::Response<()>) -> Extensions {
    response.into_parts().0.extensions
}
