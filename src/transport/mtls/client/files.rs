use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::verify::{Unverified, VerifyNames};
use crate::transport::mtls::certificates::credentials::Pem;
use crate::transport::mtls::certificates::error::CertificateError;
use crate::transport::mtls::certificates::files::read;
use crate::transport::mtls::certificates::loaded::{certificates, certified, root_store};
use crate::transport::mtls::certificates::options::provider;

/// Settings of the modes `SIMPLE` and `MUTUAL`.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsFiles {
    /// Accepted names in the certificate of the server; the name of the handshake if there are none.
    pub(crate) accepted: Arc<[Box<str>]>,
    /// Roots; none for those of the system.
    pub(crate) ca_certificates: Option<PathBuf>,
    /// Certificate chain and private key of the client.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
    pub(crate) insecure_skip_verify: bool,
}

/// TLS from files, which are read for each handshake: a connection is rare, and no other sign of a change is as sure.
pub(super) struct FileTls {
    files: Arc<TlsFiles>,
    made: Arc<Mutex<Option<Made>>>,
}

/// Configuration, with the texts of the files that it was made of.
struct Made {
    config: Arc<ClientConfig>,
    texts: Texts,
}

#[derive(Clone, PartialEq)]
struct Texts {
    ca_certificates: Option<Pem>,
    client: Option<(Pem, Pem)>,
}

impl FileTls {
    pub(super) fn new(files: TlsFiles) -> Self {
        Self {
            files: Arc::new(files),
            made: Arc::default(),
        }
    }

    pub(super) async fn config(
        &self,
        alpn: &[Vec<u8>],
    ) -> Result<Arc<ClientConfig>, CertificateError> {
        let (alpn, files) = (alpn.to_vec(), Arc::clone(&self.files));
        let made = Arc::clone(&self.made);
        let config = tokio::task::spawn_blocking(move || {
            let texts = files.texts()?;
            let known = made.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = known.as_ref().filter(|known| known.texts == texts) {
                return Ok(Arc::clone(&known.config));
            }
            drop(known);
            let config = Arc::new(files.config(&texts, alpn)?);
            let mut known = made.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some(Made {
                config: Arc::clone(&config),
                texts,
            });
            Ok(config)
        });
        config.await.map_err(CertificateError::source_failed)?
    }
}

impl TlsFiles {
    fn texts(&self) -> Result<Texts, CertificateError> {
        let client = self.client.as_ref();
        let client = client.map(|(chain, key)| Ok((read(chain)?, read(key)?)));
        let ca_certificates = self.ca_certificates.as_deref();
        Ok(Texts {
            ca_certificates: ca_certificates.map(read).transpose()?,
            client: client.transpose()?,
        })
    }

    fn config(&self, texts: &Texts, alpn: Vec<Vec<u8>>) -> Result<ClientConfig, CertificateError> {
        let provider = provider(default_provider())?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| CertificateError::Tls {
            place: "the TLS provider".into(),
            reason: error.to_string().into(),
        })?;
        let roots = texts.ca_certificates.as_ref().map(root_store).transpose()?;
        let verifier = self.verifier(roots, &provider)?;
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &texts.client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let certified = certified(certificates(chain)?, key, chain.place(), &provider)?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
            }
        };
        config.alpn_protocols = alpn;
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn verifier(
        &self,
        roots: Option<RootCertStore>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, CertificateError> {
        let algorithms = provider.signature_verification_algorithms;
        if self.insecure_skip_verify {
            return Ok(Arc::new(Unverified(algorithms)));
        }
        let accepted = Arc::clone(&self.accepted);
        Ok(match roots {
            Some(roots) => Arc::new(VerifyNames::new(accepted, roots, algorithms)),
            None => system(accepted, provider)?,
        })
    }
}

/// Returns what the other TLS of clients falls back on where the application has chosen no provider.
fn default_provider() -> Option<Arc<CryptoProvider>> {
    let chosen = CryptoProvider::get_default().cloned();
    #[cfg(feature = "rustls")]
    let chosen = chosen.or_else(|| {
        Some(Arc::new(
            tokio_rustls::rustls::crypto::ring::default_provider(),
        ))
    });
    chosen
}

#[cfg(feature = "rustls")]
fn system(
    accepted: Arc<[Box<str>]>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, CertificateError> {
    let system = rustls_platform_verifier::Verifier::new(Arc::clone(provider));
    let system = system.map_err(|error| CertificateError::Tls {
        place: "the roots of the system".into(),
        reason: error.to_string().into(),
    })?;
    Ok(Arc::new(super::verify::VerifySystem {
        accepted,
        algorithms: provider.signature_verification_algorithms,
        system,
    }))
}

#[cfg(not(feature = "rustls"))]
fn system(
    _accepted: Arc<[Box<str>]>,
    _provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, CertificateError> {
    Err(CertificateError::NoSystemRoots)
}

impl Debug for FileTls {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.files, f)
    }
}
