use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::request_body::RequestBody;
use crate::foundation::outcome::BoxError;

/// Transport of a workload: any tower service over [`RequestBody`] that can be cloned
/// and sent to another thread.
///
/// It is implemented for all of them, and for nothing else. `B` is the body of the callers' requests.
pub trait MeshTransport<B>:
    Service<
        Request<RequestBody<B>>,
        Response = Response<Self::ResponseBody>,
        Error: Send + 'static,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static
{
    /// The body of its responses.
    type ResponseBody: Body<Data = Bytes, Error: Into<BoxError> + 'static> + Send + 'static;
}

impl<S, B, R> MeshTransport<B> for S
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Error: Send + 'static,
    S::Future: Send,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + 'static,
{
    type ResponseBody = R;
}
