use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, header};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::foundation::outcome::BoxError;
use crate::mesh::service_mesh::router::upstream::mirrored_body::{MirroredBody, boxed};
use crate::policies::mirror::{CopyBody, MirrorLayer};

/// Layer that copies the requests of a route to its mirrors.
pub(in crate::mesh) struct MirrorsLayer<M> {
    pub(in crate::mesh) layers: Arc<[MirrorLayer<M>]>,
}

impl<S, M> Layer<S> for MirrorsLayer<M> {
    type Service = Mirrors<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        Mirrors::new(inner, Arc::clone(&self.layers))
    }
}

/// Copies requests to other services, as many as the route names.
pub struct Mirrors<S, M> {
    inner: S,
    layers: Arc<[MirrorLayer<M>]>,
}

impl<S, M> Mirrors<S, M> {
    pub(in crate::mesh) const fn new(inner: S, layers: Arc<[MirrorLayer<M>]>) -> Self {
        Self { inner, layers }
    }
}

impl<S: Clone, M> Clone for Mirrors<S, M> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layers: Arc::clone(&self.layers),
        }
    }
}

impl<S: Debug, M> Debug for Mirrors<S, M> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirrors")
            .field("inner", &self.inner)
            .field("layers", &self.layers)
            .finish()
    }
}

impl<S, M, B, C> Service<Request<B>> for Mirrors<S, M>
where
    S: Service<Request<MirroredBody<B>>>,
    M: Service<Request<CopyBody>, Response = Response<C>> + Clone + Send + Sync + 'static,
    M::Error: Send + 'static,
    M::Future: Send,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
    C: Body + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let request = match &*self.layers {
            [] => request.map(MirroredBody::none),
            // A copy would switch protocols with a service whose answers are read by none.
            _ if request.headers().contains_key(header::UPGRADE) => request.map(MirroredBody::none),
            [one] => one.copy(request).map(MirroredBody::one),
            [first, more @ ..] => {
                let first = first.copy(request).map(boxed);
                let all = more
                    .iter()
                    .fold(first, |request, layer| layer.copy(request).map(boxed));
                all.map(MirroredBody::several)
            }
        };
        self.inner.call(request)
    }
}
