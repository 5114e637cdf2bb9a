//! The names of a certificate that a client accepts (`subjectAltNames`).

use std::net::IpAddr;

use x509_parser::extensions::GeneralName;

use super::leaf::{parse, shorten};
use crate::foundation::tls::HandshakeFailure;

/// Returns an error unless a certificate has one of these names: a URI, a DNS name, an address or an e-mail address.
///
/// A DNS name of the certificate may begin with `*.`, for one label, as in Envoy.
pub(in crate::transport::mtls) fn has_one_of(
    der: &[u8],
    accepted: &[Box<str>],
) -> Result<(), HandshakeFailure> {
    let certificate = parse(der)?;
    let names = certificate.subject_alternative_name();
    let names = names.map_err(|_| HandshakeFailure::Malformed)?;
    let names: Vec<_> = names.map_or_else(Vec::new, |names| {
        names.value.general_names.iter().filter_map(text).collect()
    });
    let is_accepted = |name: &(bool, String)| {
        let (is_dns, name) = name;
        let mut accepted = accepted.iter();
        accepted.any(|one| **one == **name || *is_dns && is_dns_match(name, one))
    };
    if names.iter().any(is_accepted) {
        return Ok(());
    }
    let names: Vec<_> = names.into_iter().map(|(_, name)| name).collect();
    Err(HandshakeFailure::WrongName(
        shorten(&names.join(", ")).into(),
    ))
}

/// Returns a name as text, and true if it is a DNS name.
fn text(name: &GeneralName<'_>) -> Option<(bool, String)> {
    let address = |bytes: &[u8]| {
        let address = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
        address
            .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
            .ok()
    };
    match name {
        GeneralName::DNSName(name) => Some((true, (*name).to_owned())),
        GeneralName::RFC822Name(name) | GeneralName::URI(name) => Some((false, (*name).to_owned())),
        GeneralName::IPAddress(bytes) => Some((false, address(bytes)?.to_string())),
        _ => None,
    }
}

fn is_dns_match(name: &str, accepted: &str) -> bool {
    let Some(parent) = name.strip_prefix("*.") else {
        return name.eq_ignore_ascii_case(accepted);
    };
    let rest = accepted.split_once('.');
    rest.is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    #[test]
    fn one_of_the_accepted_names_is_enough() {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![
            SanType::DnsName("*.Example.com".try_into().unwrap()),
            SanType::URI("spiffe://td/ns/a/sa/b".try_into().unwrap()),
            SanType::IpAddress("10.0.0.1".parse().unwrap()),
        ];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let has = |names: &[&str]| {
            let names: Vec<Box<str>> = names.iter().map(|name| (*name).into()).collect();
            has_one_of(certificate.der(), &names)
        };
        for name in ["a.example.com", "spiffe://td/ns/a/sa/b", "10.0.0.1"] {
            assert_eq!(has(&["other", name]), Ok(()), "{name}");
        }
        for name in [
            "example.com",
            "a.b.example.com",
            ".example.com",
            "SPIFFE://td/ns/a/sa/b",
        ] {
            let failure = has(&[name]).unwrap_err();
            assert_eq!(failure.label(), "wrong_name", "{name}");
            assert!(
                failure
                    .to_string()
                    .ends_with("spiffe://td/ns/a/sa/b, 10.0.0.1")
            );
        }
    }
}
