use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};

use crate::foundation::http::GrpcStatus;

/// Body of a response that this crate creates locally: a short text in one frame.
#[derive(Clone, Debug, Default)]
pub struct LocalReplyBody(Bytes);

impl LocalReplyBody {
    pub(crate) const fn new(text: Bytes) -> Self {
        Self(text)
    }

    pub(crate) const fn empty() -> Self {
        Self(Bytes::new())
    }

    /// Creates a reply to an HTTP request, with a text or an empty body.
    pub(crate) fn to_http(status: StatusCode, text: Bytes) -> Response<Self> {
        // Envoy sends no content type with an empty body.
        let has_text = !text.is_empty();
        let mut response = Response::new(Self(text));
        *response.status_mut() = status;
        if has_text {
            let text = HeaderValue::from_static("text/plain");
            response.headers_mut().insert(header::CONTENT_TYPE, text);
        }
        response
    }

    /// Creates a reply to a gRPC request: HTTP 200 with status and message in the headers.
    pub(crate) fn to_grpc(status: GrpcStatus, message: Option<HeaderValue>) -> Response<Self> {
        let mut response = Response::new(Self::empty());
        let headers = response.headers_mut();
        let grpc = HeaderValue::from_static("application/grpc");
        headers.insert(header::CONTENT_TYPE, grpc);
        headers.insert("grpc-status", status.to_header());
        if let Some(message) = message {
            headers.insert("grpc-message", message);
        }
        response
    }

    /// Takes the whole text; `None` the second time and for an empty body.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        (!self.0.is_empty()).then(|| std::mem::take(&mut self.0))
    }
}

impl Body for LocalReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.take().map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
