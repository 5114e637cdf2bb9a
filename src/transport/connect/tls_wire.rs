use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use pin_project::pin_project;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{InvalidDnsNameError, ServerName};

use crate::transport::pool::Wire;

/// Returns the name of a URI's host for a handshake.
pub(super) fn server_name(called: &Uri) -> Result<ServerName<'static>, InvalidDnsNameError> {
    let host = called.host().unwrap_or_default();
    let host = host.trim_matches(['[', ']']).to_owned();
    ServerName::try_from(host)
}

/// Shakes hands as the client.
pub(super) async fn shake_hands(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    wire: Wire,
) -> io::Result<Wire> {
    let wire = TokioIo::new(wire);
    let stream = tokio_rustls::TlsConnector::from(config)
        .connect(name, wire)
        .await?;
    Ok(Wire::new(TlsWire(TokioIo::new(stream))))
}

/// Connection with TLS.
#[pin_project]
struct TlsWire(#[pin] TokioIo<TlsStream<TokioIo<Wire>>>);

impl Connection for TlsWire {
    fn connected(&self) -> Connected {
        let (wire, session) = self.0.inner().get_ref();
        let connected = wire.inner().connected();
        if matches!(session.alpn_protocol(), Some(b"h2" | b"istio-h2")) {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl Read for TlsWire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().0.poll_read(cx, buffer)
    }
}

impl Write for TlsWire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().0.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().0.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().0.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().0.poll_write_vectored(cx, bytes)
    }
}
