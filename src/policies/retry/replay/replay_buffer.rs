use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::chunks::Chunks;
use crate::foundation::outcome::BoxError;

/// Request body, with the data that was read from it so far.
#[derive(Debug)]
pub(in crate::policies::retry) struct ReplayBuffer<B> {
    /// Whole frames while there are few; after that small ones are copied together, so that a body
    /// of single bytes does not take fifty times its length.
    chunks: Chunks,
    /// Number of the attempt that may read; cursors with another number get an error.
    current: u32,
    inner: Inner<B>,
    buffered: usize,
    limit: ReplayLimit,
    /// The limit that was too small, once it is known that not all is kept.
    overflowed: Option<usize>,
    /// Small frames that are not yet a chunk.
    tail: Vec<u8>,
    trailers: Option<Box<HeaderMap>>,
}

/// Limits of what is kept of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::policies::retry) struct ReplayLimit {
    /// Of a body that comes in several frames.
    pub(in crate::policies::retry) stream: usize,
    /// Of one that comes in a single frame: it was in memory before it was sent.
    pub(in crate::policies::retry) whole: usize,
}

impl ReplayLimit {
    /// The same for every body.
    pub(in crate::policies::retry) const fn of(bytes: usize) -> Self {
        Self {
            stream: bytes,
            whole: bytes,
        }
    }
}

/// Remainder of a body.
#[derive(Debug)]
enum Inner<B> {
    Begun(Pin<Box<B>>),
    Ended,
    /// Not read yet; a body that is never read needs no allocation to pin it.
    Fresh(B),
}

/// Read position of one attempt.
#[derive(Debug)]
pub(in crate::policies::retry) struct ReplayCursor {
    chunk: usize,
    number: u32,
    trailed: bool,
}

/// Error of an attempt that reads its request body after a later attempt has replaced it.
#[derive(Debug, thiserror::Error)]
#[error("this attempt was superseded by a retry")]
struct Superseded;

// Frames kept whole before small ones are merged, and the size in bytes below which one is small.
const WHOLE_FRAMES: usize = 16;
const SMALL: usize = 1024;

impl<B: Body> ReplayBuffer<B> {
    #[inline]
    pub(in crate::policies::retry) fn new(inner: B, limit: ReplayLimit) -> Self {
        Self {
            chunks: Chunks::default(),
            current: 0,
            inner: if inner.is_end_stream() {
                Inner::Ended
            } else {
                Inner::Fresh(inner)
            },
            buffered: 0,
            limit,
            overflowed: None,
            tail: Vec::new(),
            trailers: None,
        }
    }

    /// Returns the limit that was too small for what was read so far; none if everything is still here.
    pub(in crate::policies::retry) const fn overflowed(&self) -> Option<usize> {
        self.overflowed
    }

    /// Returns the cursor of the first attempt, which needs no rewind.
    pub(in crate::policies::retry) const fn first() -> ReplayCursor {
        ReplayCursor {
            chunk: 0,
            number: 0,
            trailed: false,
        }
    }

    /// Returns a cursor at the start; earlier cursors become invalid.
    pub(in crate::policies::retry) fn rewind(&mut self) -> ReplayCursor {
        self.seal();
        self.current += 1;
        ReplayCursor {
            chunk: 0,
            number: self.current,
            trailed: false,
        }
    }

    /// Stops buffering; data that the last cursor has not read yet stays.
    pub(in crate::policies::retry) const fn finish(&mut self) {
        self.limit = ReplayLimit::of(0);
    }

    pub(in crate::policies::retry) fn poll_frame(
        &mut self,
        reader: &mut ReplayCursor,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>>
    where
        B::Error: Into<BoxError>,
    {
        if reader.number != self.current {
            // An error and not the end: the server would take half a request for a whole one.
            return Poll::Ready(Some(Err(Box::new(Superseded))));
        }
        if let Some(chunk) = self.chunks.get(reader.chunk) {
            reader.chunk += 1;
            return Poll::Ready(Some(Ok(Frame::data(chunk.clone()))));
        }
        let Some(mut inner) = self.inner.pinned() else {
            let trailers = self.trailers.as_ref().filter(|_| !reader.trailed);
            reader.trailed = true;
            return Poll::Ready(trailers.map(|t| Ok(Frame::trailers(HeaderMap::clone(t)))));
        };
        let frame = match ready!(inner.as_mut().poll_frame(cx)) {
            None => {
                self.inner = Inner::Ended;
                return Poll::Ready(None);
            }
            Some(Err(error)) => {
                self.overflow(self.limit.stream);
                return Poll::Ready(Some(Err(error.into())));
            }
            Some(Ok(frame)) => frame.map_data(|mut data| data.copy_to_bytes(data.remaining())),
        };
        let hint = inner.size_hint().lower();
        // Trailers end a body, whether or not it says so: HTTP/2 learns of the end one poll later, and
        // a try that reads what was kept must not ask for what comes after them.
        if frame.is_trailers() || inner.is_end_stream() {
            self.inner = Inner::Ended;
        }
        self.keep(&frame, usize::try_from(hint).unwrap_or(usize::MAX));
        reader.chunk = self.chunks.len();
        reader.trailed |= frame.is_trailers();
        Poll::Ready(Some(Ok(frame)))
    }

    pub(in crate::policies::retry) fn is_end_stream(&self, reader: &ReplayCursor) -> bool {
        reader.number == self.current
            && reader.chunk >= self.chunks.len()
            && (reader.trailed || self.trailers.is_none())
            && self.inner.body().is_none_or(Body::is_end_stream)
    }

    pub(in crate::policies::retry) fn size_hint(&self, reader: &ReplayCursor) -> SizeHint {
        if reader.number != self.current {
            return SizeHint::default();
        }
        let rest = self.chunks.bytes_from(reader.chunk);
        let inner = self.inner.body();
        let inner = inner.map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(inner.lower().saturating_add(rest));
        hint
    }

    /// Buffers a frame, unless the whole body is known to exceed the limit.
    fn keep(&mut self, frame: &Frame<Bytes>, to_come: usize) {
        if self.overflowed.is_some() {
            return;
        }
        let len = frame
            .data_ref()
            .map_or_else(|| frame.trailers_ref().map_or(0, len_of), Bytes::len);
        self.buffered = self.buffered.saturating_add(len);
        let frames = self.chunks.len() + usize::from(!self.tail.is_empty());
        let is_only = to_come == 0 && frames + usize::from(frame.is_data()) <= 1;
        let limit = if is_only {
            self.limit.whole
        } else {
            self.limit.stream
        };
        if self.buffered.saturating_add(to_come) > limit {
            return self.overflow(limit);
        }
        if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(Box::new(trailers.clone()));
        } else if let Some(data) = frame.data_ref() {
            if self.chunks.len() < WHOLE_FRAMES || data.len() >= SMALL {
                self.seal();
                self.chunks.push(data.clone());
            } else {
                self.tail.extend_from_slice(data);
            }
        }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push(mem::take(&mut self.tail).into());
        }
    }

    fn overflow(&mut self, limit: usize) {
        self.overflowed = Some(limit);
        self.chunks = Chunks::default();
        self.tail = Vec::new();
        self.trailers = None;
    }
}

impl<B> Inner<B> {
    /// Returns the body pinned for reading, unless it has ended.
    fn pinned(&mut self) -> Option<Pin<&mut B>> {
        if matches!(self, Self::Fresh(_))
            && let Self::Fresh(body) = mem::replace(self, Self::Ended)
        {
            *self = Self::Begun(Box::pin(body));
        }
        match self {
            Self::Begun(body) => Some(body.as_mut()),
            Self::Ended | Self::Fresh(_) => None,
        }
    }

    /// Returns the body, unless it has ended.
    fn body(&self) -> Option<&B> {
        match self {
            Self::Begun(body) => Some(body),
            Self::Ended => None,
            Self::Fresh(body) => Some(body),
        }
    }
}

fn len_of(trailers: &HeaderMap) -> usize {
    let pairs = trailers.iter();
    pairs.map(|(n, v)| n.as_str().len() + v.len()).sum()
}
