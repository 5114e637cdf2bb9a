pub(in crate::transport::client) mod boxed;
pub(in crate::transport::client) mod lazy_pin;
pub(in crate::transport::client) mod sync;

use std::any::Any;
use std::fmt::{self, Debug, Formatter};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::foundation::outcome::BoxError;
use crate::transport::pool::PoolBody;
use sync::SyncBody;

/// The body of a request that a [`Client`](super::Client) sends, and of a response that comes out of
/// a [`Transport`](super::Transport).
///
/// Either complete bytes in memory, or a stream whose length may be unknown. Trailers are
/// preserved.
pub struct Body(Kind);

enum Kind {
    Full(Bytes),
    Pool(PoolBody),
    Stream(reqwest::Body),
}

impl Body {
    /// Creates an empty body.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Kind::Full(Bytes::new()))
    }

    /// Converts any other body; its size hint and its trailers are preserved.
    ///
    /// The body is boxed, unless it already is a `Body` or is at its end.
    pub fn wrap<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut slot = Some(body);
        // Specialization by downcast: a `Body` is passed through without another box.
        let any: &mut dyn Any = &mut slot;
        if let Some(own) = any.downcast_mut::<Option<Self>>().and_then(Option::take) {
            return own;
        }
        match slot {
            Some(body) if !body.is_end_stream() => {
                Self(Kind::Stream(reqwest::Body::wrap(SyncBody::new(body))))
            }
            _ => Self::empty(),
        }
    }

    /// Returns the complete bytes; `None` if the body is a stream.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.full().map(|bytes| &**bytes)
    }

    /// Returns a copy that shares its bytes; `None` for a stream, which can be read only once.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        self.full().map(|bytes| Self(Kind::Full(bytes.clone())))
    }

    fn full(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Full(bytes) => Some(bytes),
            Kind::Pool(_) | Kind::Stream(_) => None,
        }
    }

    pub(super) const fn of_pool(body: PoolBody) -> Self {
        Self(Kind::Pool(body))
    }

    /// Converts into the body type that reqwest sends.
    pub(super) fn into_reqwest(self) -> reqwest::Body {
        match self.0 {
            Kind::Full(bytes) => bytes.into(),
            Kind::Pool(body) => reqwest::Body::wrap(SyncBody::new(body)),
            Kind::Stream(body) => body,
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Kind::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(mem::take(bytes))))),
            Kind::Pool(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Kind::Stream(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Pool(body) => body.is_end_stream(),
            Kind::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Pool(body) => body.size_hint(),
            Kind::Stream(body) => body.size_hint(),
        }
    }
}

impl Debug for Body {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Full(bytes) => f.debug_tuple("Full").field(&bytes.len()).finish(),
            Kind::Pool(_) | Kind::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Full(bytes))
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

/// Conversion from a body made by one of reqwest's constructors, such as `wrap_stream`.
impl From<reqwest::Body> for Body {
    fn from(mut body: reqwest::Body) -> Self {
        if body.as_bytes().is_none() {
            return Self(Kind::Stream(body));
        }
        // reqwest gives out complete bytes on the first poll and without a copy, so no waker is
        // needed.
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default().into(),
            _ => Self::empty(),
        }
    }
}
