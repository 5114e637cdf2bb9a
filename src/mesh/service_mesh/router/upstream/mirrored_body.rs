use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::foundation::outcome::BoxError;
use crate::policies::mirror::TeeBody;

/// The body of a request that may be copied, to several places too.
#[pin_project]
pub struct MirroredBody<B> {
    #[pin]
    source: Source<B>,
}

#[pin_project(project = SourceProj)]
enum Source<B> {
    None(#[pin] B),
    One(#[pin] TeeBody<B>),
    // Boxed: each copy more is one type more, and few routes have two.
    Several(BoxedBody),
}

pub(in crate::mesh) type BoxedBody = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

pub(in crate::mesh) fn boxed<B>(body: B) -> BoxedBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Box::pin(http_body_util::BodyExt::map_err(body, Into::into))
}

impl<B> MirroredBody<B> {
    pub(in crate::mesh) const fn none(body: B) -> Self {
        Self {
            source: Source::None(body),
        }
    }

    pub(in crate::mesh) const fn one(body: TeeBody<B>) -> Self {
        Self {
            source: Source::One(body),
        }
    }

    pub(in crate::mesh) const fn several(body: BoxedBody) -> Self {
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
