use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::mirrored_body::MirroredBody;
use crate::foundation::outcome::BoxError;
use crate::policies::mirror::CopyBody;
use crate::policies::retry::ReplayBody;

/// Body of a request as the transport receives it: the caller's, which may be replayed, or that of a mirrored
/// copy.
///
/// `B` is the body of the caller's request.
#[pin_project]
#[derive(Debug)]
pub struct RequestBody<B> {
    #[pin]
    source: Source<B>,
}

#[pin_project(project = SourceProj)]
#[derive(Debug)]
enum Source<B> {
    Copy(#[pin] CopyBody),
    Request(#[pin] ReplayBody<MirroredBody<B>>),
}

impl<B> RequestBody<B> {
    pub(in crate::mesh) const fn copy(body: CopyBody) -> Self {
        Self {
            source: Source::Copy(body),
        }
    }

    pub(in crate::mesh) const fn request(body: ReplayBody<MirroredBody<B>>) -> Self {
        Self {
            source: Source::Request(body),
        }
    }
}

impl<B> Body for RequestBody<B>
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
            SourceProj::Copy(body) => body.poll_frame(cx).map_err(Into::into),
            SourceProj::Request(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Copy(body) => body.is_end_stream(),
            Source::Request(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Copy(body) => body.size_hint(),
            Source::Request(body) => body.size_hint(),
        }
    }
}
