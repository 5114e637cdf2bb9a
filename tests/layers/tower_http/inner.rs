use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service};
use tower_http::compression::{Compression, CompressionLayer};

/// Text of each response; long enough to be compressed.
pub(super) const TEXT: &str = "twenty characters...twenty characters...twenty characters...";

/// Service that reads any request's body and returns [`TEXT`], or hangs or panics by the path.
#[derive(Clone)]
pub(super) struct Inner;

/// [`Inner`] with a compressed text, for what decompresses it.
pub(super) fn compressed() -> Compression<Inner> {
    CompressionLayer::new().layer(Inner)
}

impl<B> Service<Request<B>> for Inner
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let _ = body.collect().await;
            Ok(answer(&head.uri, &head.headers).await)
        })
    }
}

/// The same as a handler of axum.
pub(super) async fn handler(uri: Uri, headers: HeaderMap, _body: Bytes) -> Response<Full<Bytes>> {
    answer(&uri, &headers).await
}

async fn answer(uri: &Uri, headers: &HeaderMap) -> Response<Full<Bytes>> {
    match uri.path() {
        "/hang" => pending().await,
        "/panic" => panic!("as planned"),
        _ => {}
    }
    let mut response = Response::new(Full::from(TEXT));
    let own = response.headers_mut();
    own.insert(header::CONTENT_TYPE, "text/plain".try_into().unwrap());
    if let Some(id) = headers.get("x-request-id") {
        own.insert("seen-request-id", id.clone());
    }
    response
}
