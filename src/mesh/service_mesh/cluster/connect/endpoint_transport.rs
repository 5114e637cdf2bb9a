use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::place::Place;
use crate::foundation::outcome::{BoxError, PoolError};
use crate::transport::pool::{PoolBody, PoolFuture};

/// Transport to one endpoint over the [pool](crate::pool) of its cluster.
///
/// Clones share the connections.
#[derive(Clone, Debug)]
pub struct EndpointTransport {
    place: Arc<Place>,
}

impl EndpointTransport {
    pub(in crate::mesh) const fn new(place: Arc<Place>) -> Self {
        Self { place }
    }
}

impl<B> Service<Request<B>> for EndpointTransport
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<PoolBody>;
    type Error = PoolError;
    type Future = PoolFuture;

    /// Always returns ready, as the pool does.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), PoolError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> PoolFuture {
        let way = self.place.way(&request);
        self.place.pool().send(request, Some(way))
    }
}
