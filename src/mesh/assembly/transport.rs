use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::RequestBody;
use crate::BoxError;
use crate::istio::plan::{PoolPlan, TlsPlan};

/// What a workload sends its requests with: any tower service over [`RequestBody`] that can be cloned
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

/// What a transport is made for: the connections of one destination.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Site {
    pub(super) host: Box<str>,
    pub(super) pool: PoolPlan,
    pub(super) tls: Option<TlsPlan>,
}

#[cfg(feature = "reqwest")]
impl Site {
    /// Says that nothing is set that a transport would have to know, so that one serves all such.
    pub(super) fn is_plain(&self) -> bool {
        self.pool == PoolPlan::default() && self.tls.as_ref().is_none_or(|tls| tls.sni.is_none())
    }
}

/// Makes the transport of each destination: the one place that they come from.
pub(super) struct Connector<S> {
    make: Arc<dyn Fn(&Site) -> S + Send + Sync>,
}

impl<S> Connector<S> {
    pub(super) fn new(make: impl Fn(&Site) -> S + Send + Sync + 'static) -> Self {
        Self {
            make: Arc::new(make),
        }
    }

    pub(super) fn connect(&self, site: &Site) -> S {
        (self.make)(site)
    }
}

impl<S: Clone + Send + Sync + 'static> Connector<S> {
    /// Every destination shares one transport.
    pub(super) fn shared(transport: S) -> Self {
        Self::new(move |_| transport.clone())
    }
}

impl<S> Debug for Connector<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
