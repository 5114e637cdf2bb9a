//! Conversions of responses into those of other crates.

use std::pin::Pin;

use bytes::Bytes;
use http_body::Body as HttpBody;
use reqwest::ResponseBuilderExt;

use super::Response;
use super::body::sync::SyncBody;
use crate::foundation::outcome::BoxError;

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
        head.extensions = carrier.map_or_else(|_| http::Extensions::new(), take_extensions);
        let body = reqwest::Body::wrap(SyncBody::new(body));
        http::Response::from_parts(head, body).into()
    }
}

fn take_extensions(response: http::Response<()>) -> http::Extensions {
    response.into_parts().0.extensions
}
