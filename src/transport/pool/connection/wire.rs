use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// A connection of any type: of the pool's own connector, or made in a [`Way`](crate::transport::pool::key::Way).
pub(crate) struct Wire {
    inner: Box<dyn Ends>,
    is_proxied: bool,
}

trait Ends: Connection + Read + Write + Send + Unpin {}

impl<T: Connection + Read + Write + Send + Unpin> Ends for T {}

impl Wire {
    pub(crate) fn new<T>(connection: T) -> Self
    where
        T: Connection + Read + Write + Send + Unpin + 'static,
    {
        Self {
            inner: Box::new(connection),
            is_proxied: false,
        }
    }

    /// Marks a connection to a proxy, which is asked for whole URIs.
    #[cfg(feature = "reqwest")]
    pub(crate) fn proxied(mut self) -> Self {
        self.is_proxied = true;
        self
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        let connected = self.inner.connected();
        if self.is_proxied {
            connected.proxy(true)
        } else {
            connected
        }
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_read(cx, buffer)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.inner).poll_write_vectored(cx, bytes)
    }
}
