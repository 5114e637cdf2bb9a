use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::foundation::outcome::BoxError;

/// A body of any data, with its frames as [`Bytes`] and its errors boxed.
#[pin_project]
#[derive(Debug)]
pub(crate) struct IntoBytes<B>(#[pin] B);

impl<B> IntoBytes<B> {
    #[inline]
    pub(crate) const fn new(inner: B) -> Self {
        Self(inner)
    }
}

/// Returns the frame with its data as [`Bytes`]; data that already is passes without a copy.
#[inline]
pub(crate) fn frame_into_bytes<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}

impl<B> Body for IntoBytes<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = self.project().0.poll_frame(cx);
        polled.map(|frame| Some(frame?.map(frame_into_bytes).map_err(Into::into)))
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
