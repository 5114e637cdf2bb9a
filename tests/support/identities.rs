//! Certificate authorities of trust domains, and the certificates of their workloads.

use std::sync::Arc;

use meshless::mtls::{CertificateOptions, Certificates, Credentials};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) const CART: &str = "spiffe://cluster.local/ns/shop/sa/cart";
pub(crate) const USERS: &str = "spiffe://cluster.local/ns/shop/sa/users";

/// An authority, which signs whatever it is given.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: String,
}

/// A leaf with its key, as PEM.
pub(crate) struct Leaf {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            root,
        }
    }

    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// Issues the certificate of a workload.
    pub(crate) fn issue(&self, id: &str) -> Leaf {
        self.sign(&leaf_params(&[id]))
    }

    pub(crate) fn sign(&self, params: &CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        Leaf {
            chain: leaf.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Returns the credentials of a workload, which trusts this authority alone.
    pub(crate) fn credentials(&self, id: &str) -> Credentials {
        let Leaf { chain, key } = self.issue(id);
        Credentials::from_pem(chain, key, &self.root)
    }

    pub(crate) fn certificates(&self, id: &str) -> Certificates {
        certificates(&self.credentials(id))
    }
}

impl Leaf {
    pub(crate) fn der(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        (chain.map(Result::unwrap).collect(), key)
    }
}

/// Returns the parameters of a leaf with these URIs, otherwise as the SPIFFE standard demands it.
pub(crate) fn leaf_params(uris: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    let uris = uris
        .iter()
        .map(|uri| SanType::URI((*uri).try_into().unwrap()));
    params.subject_alt_names = uris.collect();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

pub(crate) fn options() -> CertificateOptions {
    CertificateOptions::default().with_provider(Arc::new(default_provider()))
}

pub(crate) fn certificates(credentials: &Credentials) -> Certificates {
    Certificates::new(credentials.clone(), options()).unwrap()
}
