use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::Body;
use crate::foundation::outcome::BoxError;

/// The service stack below a [`Client`](super::Client): any cloneable tower service over
/// [`client::Body`](Body).
///
/// Implemented for every such service by a blanket implementation.
pub trait HttpService:
    Clone
    + Service<
        Request<Body>,
        Response = Response<<Self as HttpService>::ResponseBody>,
        Error: Into<BoxError>,
    >
{
    /// The body type of responses.
    type ResponseBody: HttpBody<Data = bytes::Bytes, Error: Into<BoxError>>;
}

impl<S, R> HttpService for S
where
    S: Clone + Service<Request<Body>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: HttpBody<Data = bytes::Bytes>,
    R::Error: Into<BoxError>,
{
    type ResponseBody = R;
}
