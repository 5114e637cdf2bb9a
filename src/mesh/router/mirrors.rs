use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::{Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use tower_service::Service;

use crate::foundation::outcome::BoxError;
use crate::policies::mirror::{CopyBody, MirrorLayer, TeeBody};

/// Service that mirrors requests to every mirror of a route.
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
            // A copy would upgrade a connection whose bytes are never read.
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

/// Body of a request that may be mirrored, to several clusters too.
#[pin_project]
pub struct MirroredBody<B> {
    #[pin]
    source: Source<B>,
}

#[pin_project(project = SourceProj)]
enum Source<B> {
    None(#[pin] B),
    One(#[pin] TeeBody<B>),
    // Boxed: each further copy is a further type, and few routes have two mirrors.
    Several(BoxedBody),
}

type BoxedBody = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

fn boxed<B>(body: B) -> BoxedBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Box::pin(http_body_util::BodyExt::map_err(body, Into::into))
}

impl<B> MirroredBody<B> {
    const fn none(body: B) -> Self {
        Self {
            source: Source::None(body),
        }
    }

    const fn one(body: TeeBody<B>) -> Self {
        Self {
            source: Source::One(body),
        }
    }

    const fn several(body: BoxedBody) -> Self {
        Self {
            source: Source::Several(body),
        }
    }
}

impl<B> Debug for MirroredBody<B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("MirroredBody").finish_non_exhaustive()
    }
}

impl<B> Body for MirroredBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().source.project() {
            SourceProj::None(body) => body.poll_frame(cx).map(|frame| {
                frame.map(|frame| {
                    let bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
                    frame.map(|f| f.map_data(bytes)).map_err(Into::into)
                })
            }),
            SourceProj::One(body) => body.poll_frame(cx).map_err(Into::into),
            SourceProj::Several(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::None(body) => body.is_end_stream(),
            Source::One(body) => body.is_end_stream(),
            Source::Several(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::None(body) => body.size_hint(),
            Source::One(body) => body.size_hint(),
            Source::Several(body) => body.size_hint(),
        }
    }
}
