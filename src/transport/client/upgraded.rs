use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use pin_project::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Body;

/// Connection that a server has switched to another protocol, and all that the layers hold for it: a place
/// in a limit, say, is free again when it is dropped.
///
/// `R` is the body of the response. See [`Response::upgrade`](super::Response::upgrade).
#[pin_project]
#[derive(Debug)]
pub struct Upgraded<R = Body> {
    // Before the body: it is closed before it is not counted any more.
    #[pin]
    io: TokioIo<hyper::upgrade::Upgraded>,
    _held: Pin<Box<R>>,
}

impl<R> Upgraded<R> {
    pub(super) const fn new(io: TokioIo<hyper::upgrade::Upgraded>, held: Pin<Box<R>>) -> Self {
        Self { io, _held: held }
    }
}

impl<R> AsyncRead for Upgraded<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().io.poll_read(cx, buffer)
    }
}

impl<R> AsyncWrite for Upgraded<R> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
