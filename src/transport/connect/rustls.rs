//! TLS by rustls.

use std::sync::{Arc, OnceLock};

use http::Uri;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::{self, ClientConfig};

use super::tls_wire::{server_name, shake_hands};
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
        Ok(shake_hands(config, server_name(called)?, wire).await?)
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
