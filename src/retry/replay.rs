use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::tape::{Reader, Tape};
use crate::BoxError;

/// The body of a request that may have to be sent again.
///
/// It streams: what one attempt has read is kept, up to
/// [`RetryPolicy::with_replay_limit`](super::RetryPolicy::with_replay_limit), and a further attempt
/// gets that first and then goes on with the original, trailers included. An attempt that was given up
/// gets an error if it goes on reading, so that no server takes half a request for a whole one. The body of
/// a request that cannot be retried goes through as it is.
#[pin_project]
#[derive(Debug)]
pub struct ReplayBody<B> {
    #[pin]
    source: Source<B>,
}

#[pin_project(project = SourceProj)]
#[derive(Debug)]
enum Source<B> {
    Empty,
    Plain(#[pin] B),
    Taped {
        reader: Reader,
        tape: Arc<Mutex<Tape<B>>>,
    },
}

/// Makes the bodies of all attempts of one request.
#[derive(Debug)]
pub(super) enum Replay<B> {
    Empty,
    Taped(Arc<Mutex<Tape<B>>>),
}

impl<B: Body> Replay<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        if body.is_end_stream() {
            Self::Empty
        } else {
            Self::Taped(Arc::new(Mutex::new(Tape::new(body, limit))))
        }
    }

    /// Makes the body of the first attempt.
    pub(super) fn first(&self) -> ReplayBody<B> {
        self.body_of(|_| Tape::<B>::first())
    }

    /// Makes the body of the next attempt, and ends that of the one before.
    pub(super) fn body(&self) -> ReplayBody<B> {
        self.body_of(|tape| lock(tape).rewind())
    }

    fn body_of(&self, reader: impl FnOnce(&Mutex<Tape<B>>) -> Reader) -> ReplayBody<B> {
        let source = match self {
            Self::Empty => Source::Empty,
            Self::Taped(tape) => Source::Taped {
                reader: reader(tape),
                tape: Arc::clone(tape),
            },
        };
        ReplayBody { source }
    }

    /// Says that a further attempt would get all of it.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Empty => true,
            // Poisoned by a body that panicked as it was read, which will not be read again.
            Self::Taped(tape) => tape.lock().is_ok_and(|tape| tape.is_whole()),
        }
    }

    /// Keeps no more: there will be no further attempt.
    pub(super) fn finish(&self) {
        if let Self::Taped(tape) = self
            // Nobody reads what would be kept once the attempt has let go of its body.
            && Arc::strong_count(tape) > 1
        {
            lock(tape).finish();
        }
    }
}

impl<B> ReplayBody<B> {
    pub(super) const fn plain(body: B) -> Self {
        Self {
            source: Source::Plain(body),
        }
    }
}

impl<B> Body for ReplayBody<B>
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
            SourceProj::Empty => Poll::Ready(None),
            SourceProj::Plain(body) => body.poll_frame(cx).map(|frame| {
                let frame = frame?.map_err(Into::into);
                Some(frame.map(|f| f.map_data(|mut data| data.copy_to_bytes(data.remaining()))))
            }),
            SourceProj::Taped { reader, tape } => lock(tape).poll_frame(reader, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Plain(body) => body.is_end_stream(),
            Source::Taped { reader, tape } => lock(tape).is_end_stream(reader),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Plain(body) => body.size_hint(),
            Source::Taped { reader, tape } => lock(tape).size_hint(reader),
        }
    }
}

fn lock<B>(tape: &Mutex<Tape<B>>) -> MutexGuard<'_, Tape<B>> {
    // If poisoned, no further attempt begins; see `is_whole`.
    tape.lock().unwrap_or_else(PoisonError::into_inner)
}
