use std::fmt::{self, Debug, Formatter};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::peer::Peer;

/// Connection of a [`MtlsListener`](super::super::MtlsListener): mutual TLS or plain text, with its peer.
#[pin_project]
pub struct PeerStream {
    #[pin]
    io: Io,
    peer: Peer,
}

#[pin_project(project = IoProjection)]
enum Io {
    Plain(#[pin] TcpStream),
    // Boxed: a TLS session is many times larger than a socket.
    Tls(#[pin] Box<TlsStream<TcpStream>>),
}

impl PeerStream {
    pub(super) const fn plain(tcp: TcpStream, peer: Peer) -> Self {
        Self {
            io: Io::Plain(tcp),
            peer,
        }
    }

    pub(super) fn tls(tls: TlsStream<TcpStream>, peer: Peer) -> Self {
        Self {
            io: Io::Tls(Box::new(tls)),
            peer,
        }
    }

    /// Returns the peer.
    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Returns true if HTTP/2 was negotiated in the handshake (ALPN).
    #[must_use]
    pub fn is_http2(&self) -> bool {
        match &self.io {
            Io::Plain(_) => false,
            Io::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

/// Calls a method of the connection, whichever it is.
macro_rules! either {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match $self.project().io.project() {
            IoProjection::Plain(io) => io.$method($($argument),*),
            IoProjection::Tls(io) => io.$method($($argument),*),
        }
    };
}

impl AsyncRead for PeerStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self.poll_read(cx, buffer))
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(io) => io.is_write_vectored(),
            Io::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.poll_write_vectored(cx, bytes))
    }
}

impl Debug for PeerStream {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerStream")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
