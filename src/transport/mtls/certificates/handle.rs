use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::CryptoProvider;

use super::credentials::{CertificateSource, Credentials};
use super::error::CertificateError;
use super::expiry::ExpiryReports;
use super::follow::Follower;
use super::loaded::Loaded;
use super::options::{CertificateOptions, provider};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::identity::PeerIdentity;

/// Certificate, private key and roots of a workload, kept up to date.
///
/// Clones share one state. Handshakes use the certificates of their time; connections stay when they are replaced, as
/// in Istio. The source is asked again at an interval, from the first handshake on, by a task that ends with the last
/// clone. Certificates that cannot be used are reported (`certificate_not_loaded`), and the last ones stay.
///
/// See the [module docs](super::super) for an example.
#[derive(Clone)]
pub struct Certificates {
    follower: Arc<Follower>,
    shared: Arc<Shared>,
}

/// State of certificates, without the owner of the task that refreshes it.
pub(super) struct Shared {
    current: ArcSwap<Loaded>,
    emitter: Emitter,
    known: Mutex<Known>,
    provider: Arc<CryptoProvider>,
    source: Arc<dyn CertificateSource>,
}

/// State of refreshes, which take turns.
struct Known {
    /// Last answer of the source, so that what was pushed meanwhile stays until the source has something new.
    answer: Option<Credentials>,
    expiry: ExpiryReports,
    /// Last reported error of the source, so that it is reported once.
    failure: Option<Box<str>>,
}

impl Certificates {
    /// Loads the certificates of a source.
    ///
    /// # Errors
    ///
    /// If they cannot be used: see [`CertificateError`].
    pub fn new(
        source: impl CertificateSource + 'static,
        options: CertificateOptions,
    ) -> Result<Self, CertificateError> {
        let provider = provider(options.provider)?;
        let credentials = source.load()?;
        let loaded = Loaded::new(&credentials, &provider)?;
        let shared = Shared {
            current: ArcSwap::from_pointee(loaded),
            emitter: options.emitter,
            known: Mutex::new(Known {
                answer: Some(credentials),
                expiry: ExpiryReports::default(),
                failure: None,
            }),
            provider,
            source: Arc::new(source),
        };
        shared.report_expiry();
        Ok(Self {
            follower: Arc::new(Follower::new(options.refresh)),
            shared: Arc::new(shared),
        })
    }

    /// Replaces the certificates for later handshakes, until the source has others than it had.
    ///
    /// # Errors
    ///
    /// If they cannot be used; the old ones stay.
    pub fn replace(&self, credentials: &Credentials) -> Result<(), CertificateError> {
        self.shared.store(credentials)
    }

    /// Asks the source for new certificates, and blocks meanwhile. Returns true if there were some.
    ///
    /// # Errors
    ///
    /// If the source fails or its certificates cannot be used; the old ones stay.
    pub fn refresh(&self) -> Result<bool, CertificateError> {
        self.shared.refresh()
    }

    /// Returns the identity of the workload.
    #[must_use]
    pub fn identity(&self) -> PeerIdentity {
        self.shared.current.load().identity.clone()
    }

    /// Returns the end of the validity.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.shared.current.load().not_after
    }

    /// Returns the time until the certificate expires, for a metric; 0 if it is expired.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        self.shared.current.load().left()
    }

    /// Returns the configuration of a server for one handshake, for servers with a loop of their own: it demands a
    /// certificate, verifies it as an X.509-SVID, and offers HTTP/2 and HTTP/1.1.
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.loaded().server)
    }

    /// Returns the certificates for a handshake. Called in a runtime, whose task then follows the source.
    pub(in crate::transport::mtls) fn loaded(&self) -> Arc<Loaded> {
        self.follower.follow(&self.shared);
        self.shared.current.load_full()
    }
}

impl Shared {
    pub(super) fn refresh(&self) -> Result<bool, CertificateError> {
        let answer = self.source.load();
        let result = answer.and_then(|answer| {
            let is_known = self.known().answer.as_ref() == Some(&answer);
            if !is_known {
                self.store(&answer)?;
                self.known().answer = Some(answer);
            }
            Ok(!is_known)
        });
        let failure = result.as_ref().err().map(|error| error.to_string().into());
        let before = std::mem::replace(&mut self.known().failure, failure.clone());
        if let Some(reason) = failure.filter(|failure| before.as_ref() != Some(failure)) {
            self.emitter
                .emit(&EventKind::CertificateNotLoaded { reason });
        }
        self.report_expiry();
        result
    }

    fn store(&self, credentials: &Credentials) -> Result<(), CertificateError> {
        let loaded = Loaded::new(credentials, &self.provider)?;
        let expires_in = loaded.left();
        self.current.store(Arc::new(loaded));
        self.known().expiry = ExpiryReports::default();
        self.emitter
            .emit(&EventKind::CertificateRotated { expires_in });
        Ok(())
    }

    fn report_expiry(&self) {
        let loaded = self.current.load();
        let expires_in = loaded.left();
        let is_due = self.known().expiry.is_due(expires_in, loaded.life());
        if is_due {
            self.emitter
                .emit(&EventKind::CertificateExpiring { expires_in });
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debug for Certificates {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let loaded = self.shared.current.load();
        f.debug_struct("Certificates")
            .field("identity", &format_args!("{}", loaded.identity))
            .field("source", &self.shared.source)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_chosen_provider_there_is_an_error_and_no_panic() {
        // This binary links one, and installs none.
        let credentials = Credentials::from_pem("", "", "");
        let error = Certificates::new(credentials, CertificateOptions::default()).unwrap_err();
        assert!(matches!(error, CertificateError::NoProvider), "{error}");
    }
}
