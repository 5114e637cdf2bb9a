use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::CryptoProvider;

use super::error::CertificateError;
use crate::foundation::events::{Emitter, Observe};

/// Options of [`Certificates`](super::super::Certificates).
#[derive(Clone)]
pub struct CertificateOptions {
    pub(super) emitter: Emitter,
    pub(super) provider: Option<Arc<CryptoProvider>>,
    pub(super) refresh: Duration,
}

impl CertificateOptions {
    /// Sets the observer of rotations and expiry. The default is
    /// [`TracingObserver`](crate::telemetry::TracingObserver).
    #[must_use]
    pub fn with_observer(mut self, observe: Arc<dyn Observe>) -> Self {
        self.emitter = Emitter::new(observe);
        self
    }

    /// Sets the TLS provider. The default is that of the process, which the application installs
    /// (`CryptoProvider::install_default`).
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<Arc<CryptoProvider>>) -> Self {
        self.provider = Some(provider.into());
        self
    }

    /// Sets the interval at which the source is asked for new certificates, and their expiry is checked. The default is
    /// 10 s; 0 means never.
    #[must_use]
    pub const fn with_refresh(mut self, refresh: Duration) -> Self {
        self.refresh = refresh;
        self
    }
}

/// Returns the given provider, or that of the process, which the application has installed.
///
/// One that is only linked is not taken: with several linked, the choice would depend on the features of other crates.
pub(in crate::transport::mtls) fn provider(
    given: Option<Arc<CryptoProvider>>,
) -> Result<Arc<CryptoProvider>, CertificateError> {
    given
        .or_else(|| CryptoProvider::get_default().cloned())
        .ok_or(CertificateError::NoProvider)
}

impl Default for CertificateOptions {
    fn default() -> Self {
        Self {
            emitter: Emitter::default(),
            provider: None,
            refresh: Duration::from_secs(10),
        }
    }
}

impl Debug for CertificateOptions {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateOptions")
            .field("refresh", &self.refresh)
            .finish_non_exhaustive()
    }
}
