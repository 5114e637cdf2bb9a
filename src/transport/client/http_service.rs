use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::Body;
use crate::foundation::outcome::BoxError;

/// What a [`Client`](super::Client) sends its requests through: any tower service over
/// [`client::Body`](Body) that can be cloned.
///
/// It is implemented for all of them, and for nothing else.
pub trait HttpService:
    Clone
    + Service<
        Request<Body>,
        Response = Response<<Self as HttpService>::ResponseBody>,
        Error: Into<BoxError>,
    >
{
    /// The body of its responses.
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
