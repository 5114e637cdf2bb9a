//! The rules of a leaf, from the SPIFFE standard "X.509-SVID", sections 2 to 5.

use std::time::{Duration, SystemTime};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::foundation::identity::PeerIdentity;
use crate::foundation::tls::HandshakeFailure;

/// A leaf that keeps the rules; its signature and its issuer are verified elsewhere.
#[derive(Debug)]
pub(in crate::transport::mtls) struct Leaf {
    pub(in crate::transport::mtls) identity: PeerIdentity,
    pub(in crate::transport::mtls) not_after: SystemTime,
    pub(in crate::transport::mtls) not_before: SystemTime,
}

impl Leaf {
    /// Reads a leaf, which must have one URI, a SPIFFE ID with a path, and sign nothing but handshakes.
    pub(in crate::transport::mtls) fn read(der: &[u8]) -> Result<Self, HandshakeFailure> {
        let certificate = parse(der)?;
        let malformed = |_| HandshakeFailure::Malformed;
        let constraints = certificate.basic_constraints().map_err(malformed)?;
        if constraints.is_some_and(|constraints| constraints.value.ca) {
            return Err(HandshakeFailure::CaCertificate);
        }
        let usage = certificate.key_usage().map_err(malformed)?;
        let usage = usage.map(|usage| usage.value);
        if usage.is_some_and(|usage| usage.key_cert_sign() || usage.crl_sign()) {
            return Err(HandshakeFailure::SigningCertificate);
        }
        if !usage.is_some_and(x509_parser::extensions::KeyUsage::digital_signature) {
            return Err(HandshakeFailure::NoDigitalSignature);
        }
        let names = certificate.subject_alternative_name().map_err(malformed)?;
        let names = names
            .into_iter()
            .flat_map(|names| &names.value.general_names);
        let mut uris = names.filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        let uri = uris.next().ok_or(HandshakeFailure::NoUri)?;
        if uris.next().is_some() {
            return Err(HandshakeFailure::SeveralUris);
        }
        let identity = PeerIdentity::new(uri).ok();
        let identity = identity.filter(|identity| !identity.path().is_empty());
        let identity =
            identity.ok_or_else(|| HandshakeFailure::InvalidSpiffeId(shorten(uri).into()))?;
        let validity = certificate.validity();
        Ok(Self {
            identity,
            not_after: time(validity.not_after.timestamp()),
            not_before: time(validity.not_before.timestamp()),
        })
    }
}

/// Parses a certificate that is nothing but that.
pub(super) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, HandshakeFailure> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(HandshakeFailure::Malformed),
    }
}

/// Keeps a peer's text short enough for a line of the log.
pub(super) fn shorten(text: &str) -> &str {
    const MOST: usize = 200;
    let end = text.char_indices().nth(MOST);
    &text[..end.map_or(text.len(), |(end, _)| end)]
}

fn time(seconds: i64) -> SystemTime {
    let since = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(since)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since)
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, SanType};

    use super::*;

    const CART: &str = "spiffe://cluster.local/ns/shop/sa/cart";

    fn params(uris: &[&str]) -> CertificateParams {
        let mut params = CertificateParams::default();
        let uris = uris
            .iter()
            .map(|uri| SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names = uris.collect();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params
    }

    fn read(params: &CertificateParams) -> Result<Leaf, HandshakeFailure> {
        let key = KeyPair::generate().unwrap();
        Leaf::read(params.self_signed(&key).unwrap().der())
    }

    #[test]
    fn a_leaf_with_one_spiffe_id_identifies_its_workload() {
        let leaf = read(&params(&[CART])).unwrap();
        assert_eq!(leaf.identity.as_str(), CART);
        assert!(leaf.not_before < leaf.not_after);
    }

    #[test]
    fn a_leaf_with_none_or_several_uris_identifies_no_workload() {
        assert_eq!(read(&params(&[])).unwrap_err(), HandshakeFailure::NoUri);
        let both = params(&[CART, "https://example.com/"]);
        assert_eq!(read(&both).unwrap_err(), HandshakeFailure::SeveralUris);
        for id in [
            "https://example.com/a",
            "spiffe://cluster.local",
            "spiffe://A/b",
        ] {
            let failure = read(&params(&[id])).unwrap_err();
            assert_eq!(failure, HandshakeFailure::InvalidSpiffeId(id.into()));
        }
    }

    #[test]
    fn a_leaf_signs_handshakes_and_nothing_else() {
        let mut authority = params(&[CART]);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        assert_eq!(
            read(&authority).unwrap_err(),
            HandshakeFailure::CaCertificate
        );
        for usage in [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign] {
            let mut signer = params(&[CART]);
            signer.key_usages.push(usage);
            assert_eq!(
                read(&signer).unwrap_err(),
                HandshakeFailure::SigningCertificate
            );
        }
        for usages in [vec![], vec![KeyUsagePurpose::KeyEncipherment]] {
            let mut without = params(&[CART]);
            without.key_usages = usages;
            assert_eq!(
                read(&without).unwrap_err(),
                HandshakeFailure::NoDigitalSignature
            );
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        let key = KeyPair::generate().unwrap();
        let leaf = params(&[CART]).self_signed(&key).unwrap();
        let mut longer = leaf.der().to_vec();
        longer.push(0);
        for bytes in [&[][..], &leaf.der()[..40], &longer] {
            assert_eq!(Leaf::read(bytes).unwrap_err(), HandshakeFailure::Malformed);
        }
    }
}
