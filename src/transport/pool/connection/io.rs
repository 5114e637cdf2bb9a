use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use crate::transport::pool::machine::PoolId;
use crate::transport::pool::shared::Shared;

/// How long something may take that is expected at once.
pub(in crate::transport::pool) const GRACE: Duration = Duration::from_secs(1);

/// A connection that counts until it is dropped, wherever it is: an upgrade takes it away.
///
/// When it is shut down, it waits until its peer has closed it too, so that the limit also holds as the
/// peer counts; but not for long.
pub(in crate::transport::pool) struct Io<T> {
    // Before the slot, so that it is closed before it is not counted any more.
    inner: T,
    /// For whom it matters that what the peer said first has been understood.
    preface: PrefaceState,
    linger: Option<Linger>,
    _permit: ConnectionPermit,
}

enum PrefaceState {
    NoListener,
    Pending(oneshot::Sender<()>),
    /// The first bytes were handed out; who asks for more has understood them.
    Received(oneshot::Sender<()>),
}

struct Linger {
    timer: Pin<Box<Sleep>>,
}

/// One of the connections that there may be.
pub(in crate::transport::pool) struct ConnectionPermit {
    id: PoolId,
    shared: Arc<Shared>,
}

impl ConnectionPermit {
    pub(in crate::transport::pool) const fn new(shared: Arc<Shared>, id: PoolId) -> Self {
        Self { id, shared }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.shared.closed(self.id);
    }
}

impl<T> Io<T> {
    pub(in crate::transport::pool) const fn new(inner: T, slot: ConnectionPermit) -> Self {
        Self {
            inner,
            preface: PrefaceState::NoListener,
            linger: None,
            _permit: slot,
        }
    }

    /// Returns what is ready when the first that the peer said has been understood.
    pub(in crate::transport::pool) fn preface(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.preface = PrefaceState::Pending(sender);
        receiver
    }
}

impl<T: Read + Unpin> Io<T> {
    /// Reads until the peer has closed, or until it has had its time.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Linger {
            timer: Box::pin(sleep(GRACE)),
        });
        let mut space = [0; 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.inner).poll_read(cx, buffer.unfilled()) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return linger.timer.as_mut().poll(cx),
            }
        }
    }
}

impl<T: Read + Unpin> Read for Io<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        if let PrefaceState::NoListener = self.preface {
            return Pin::new(&mut self.inner).poll_read(cx, buffer);
        }
        self.preface = match std::mem::replace(&mut self.preface, PrefaceState::NoListener) {
            PrefaceState::Received(sender) => {
                let _ = sender.send(());
                PrefaceState::NoListener
            }
            preface => preface,
        };
        let before = buffer.remaining();
        // A cursor of its own over the same space would be unsafe: the first bytes are copied.
        let mut space = [0; 1024];
        let limit = before.min(space.len());
        let mut first = ReadBuf::new(&mut space[..limit]);
        ready!(Pin::new(&mut self.inner).poll_read(cx, first.unfilled()))?;
        buffer.put_slice(first.filled());
        if !first.filled().is_empty() {
            self.preface = match std::mem::replace(&mut self.preface, PrefaceState::NoListener) {
                PrefaceState::Pending(sender) => PrefaceState::Received(sender),
                preface => preface,
            };
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Read + Write + Unpin> Write for Io<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }
}
