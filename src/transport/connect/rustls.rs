//! TLS by rustls.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use pin_project::pin_project;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};

use crate::foundation::outcome::BoxError;
use crate::transport::pool::Wire;

/// TLS with one configuration, which is made for the first connection: reading the system's roots takes
/// milliseconds.
#[derive(Clone, Default)]
pub(super) struct Tls {
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Tls {
    pub(super) fn new(config: Arc<ClientConfig>) -> Self {
        Self {
            config: Arc::new(OnceLock::from(config)),
        }
    }

    /// Returns an error if there is no configuration.
    pub(super) fn check(&self) -> Result<(), BoxError> {
        self.config()?;
        Ok(())
    }

    /// Shakes hands with the host of a URI; `alpn` negotiates the version of HTTP.
    pub(super) async fn connect(
        &self,
        called: &Uri,
        wire: Wire,
        alpn: bool,
    ) -> Result<Wire, BoxError> {
        let mut config = self.config()?;
        if !alpn {
            Arc::make_mut(&mut config).alpn_protocols.clear();
        }
        let host = called.host().unwrap_or_default();
        let host = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host)?;
        let wire = TokioIo::new(wire);
        let stream = tokio_rustls::TlsConnector::from(config)
            .connect(name, wire)
            .await?;
        Ok(Wire::new(TlsWire(TokioIo::new(stream))))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let made = Arc::new(default_config()?);
        Ok(Arc::clone(self.config.get_or_init(|| made)))
    }
}

fn default_config() -> Result<ClientConfig, rustls::Error> {
    // The provider of the process is the user's choice.
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(ring::default_provider()));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Connection with TLS.
#[pin_project]
struct TlsWire(#[pin] TokioIo<TlsStream<TokioIo<Wire>>>);

impl Connection for TlsWire {
    fn connected(&self) -> Connected {
        let (wire, session) = self.0.inner().get_ref();
        let connected = wire.inner().connected();
        if session.alpn_protocol() == Some(b"h2") {
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
