use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::place::Place;
use crate::foundation::body::body_enum;
use crate::foundation::outcome::BoxError;
use crate::transport::client::{Body as ReqwestBody, Transport, TransportFuture};
use crate::transport::pool::{PoolBody, PoolFuture};

/// Transport to one endpoint: over a [pool](crate::pool), or with reqwest if only the name of the host is
/// known.
///
/// Clones share the connections.
#[derive(Clone, Debug)]
pub struct EndpointTransport {
    place: Option<Arc<Place>>,
    shared: Transport,
}

impl EndpointTransport {
    pub(in crate::mesh) const fn new(shared: Transport, place: Option<Arc<Place>>) -> Self {
        Self { place, shared }
    }
}

impl<B> Service<Request<B>> for EndpointTransport
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<EndpointTransportBody>;
    type Error = BoxError;
    type Future = EndpointTransportFuture;

    /// Always returns ready, as the inner transports do.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> EndpointTransportFuture {
        let inner = match &self.place {
            Some(place) => {
                let cluster = place.way(&request);
                Inner::Pool(place.pool().send(request, Some(cluster)))
            }
            None => Inner::Reqwest(self.shared.call(request)),
        };
        EndpointTransportFuture { inner }
    }
}

/// Response future of [`EndpointTransport`].
#[pin_project]
#[derive(Debug)]
pub struct EndpointTransportFuture {
    #[pin]
    inner: Inner,
}

#[pin_project(project = InnerProj)]
#[derive(Debug)]
enum Inner {
    Pool(#[pin] PoolFuture),
    Reqwest(#[pin] TransportFuture),
}

impl Future for EndpointTransportFuture {
    type Output = Result<Response<EndpointTransportBody>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match self.project().inner.project() {
            InnerProj::Pool(inner) => {
                ready!(inner.poll(cx))?.map(|body| EndpointTransportBody(Source::Pool(body)))
            }
            InnerProj::Reqwest(inner) => {
                ready!(inner.poll(cx))?.map(|body| EndpointTransportBody(Source::Reqwest(body)))
            }
        }))
    }
}

body_enum! {
    /// Body of a response from [`EndpointTransport`].
    pub struct EndpointTransportBody of Source / SourceProj {
        Pool(PoolBody) => Into::into,
        Reqwest(ReqwestBody) => Into::into,
    }
    type Error = BoxError;
    default Reqwest;
    where
}
