use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use crate::transport::pool::machine::PoolId;
use crate::transport::pool::shared::Shared;

/// Upper bound for operations that normally complete immediately: closing, and becoming ready
/// again.
pub(in crate::transport::pool) const GRACE: Duration = Duration::from_secs(1);

/// Transport of a connection, which counts against the limit until it is dropped, also after an
/// upgrade.
///
/// On shutdown it waits up to [`GRACE`] for the peer to close its end, so that the limit also holds
/// by the peer's count.
pub(in crate::transport::pool) struct Io<T> {
    // Before the permit: the socket is closed before the connection stops counting.
    inner: T,
    /// Notified once the peer's first bytes (HTTP/2: its SETTINGS) have been parsed.
    preface: PrefaceState,
    linger: Option<Linger>,
    _permit: ConnectionPermit,
}

enum PrefaceState {
    NoListener,
    Pending(oneshot::Sender<()>),
    /// The first bytes were read; the next read means that hyper has parsed them.
    Received(oneshot::Sender<()>),
}

struct Linger {
    timer: Pin<Box<Sleep>>,
}

/// The slot of a connection under the limit; dropping it reports the connection as closed.
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

    /// Returns a receiver that completes once the peer's first bytes have been parsed.
    pub(in crate::transport::pool) fn preface(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.preface = PrefaceState::Pending(sender);
        receiver
    }
}

impl<T: Read + Unpin> Io<T> {
    /// Reads and discards until the peer has closed its end, or [`GRACE`] has passed.
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
        // A second cursor over the same buffer needs unsafe code, so the first bytes are copied.
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
        // The write side is shut down once; further polls only wait for the peer.
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
