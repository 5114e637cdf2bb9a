use crate::istio::api::fields::read::{Nullable, Text};
use crate::istio::api::gateway::{ServerTls, ServerTlsMode, TlsVersion};
use crate::istio::validation::Validator;

/// Says whether TLS is left alone, which is all that a server of plain HTTP may say of it.
pub(super) fn passes_through(tls: &ServerTls) -> bool {
    let files = [
        &tls.ca_certificates,
        &tls.private_key,
        &tls.server_certificate,
    ];
    let mut files = files.into_iter().flatten();
    let mode = tls.mode.map(|mode| mode.value);
    let passes = matches!(
        mode,
        None | Some(ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough)
    );
    passes && files.all(|file| file.value.is_empty())
}

pub(in crate::istio::validation) fn server_tls(c: &mut Validator<'_>, tls: &ServerTls) {
    let mode = tls
        .mode
        .map_or(ServerTlsMode::Passthrough, |mode| mode.value);
    let has_files = is_set(&tls.server_certificate) || is_set(&tls.private_key);
    let has_credential = is_set(&tls.credential_name) || !tls.credential_names.is_empty();
    let Nullable(certificates) = &tls.tls_certificates;
    let sources = [
        is_set(&tls.server_certificate) && is_set(&tls.private_key),
        is_set(&tls.credential_name),
        !tls.credential_names.is_empty(),
        !certificates.is_empty(),
    ];
    if mode != ServerTlsMode::IstioMutual && sources.iter().filter(|one| **one).count() > 1 {
        let message = "a server has one of `credentialName`, `credentialNames`, `tlsCertificates` \
                    and files";
        c.reject(tls.at, message, "keep one of them");
    }
    lowest_version(c, tls);
    if let Some(crl) = tls.ca_crl.as_ref().filter(|crl| !crl.value.is_empty())
        && mode == ServerTlsMode::Simple
        && !has_credential
    {
        let message = "a list of revoked certificates is for mutual TLS";
        c.reject(crl.at, message, "write `mode: MUTUAL`, or remove it");
    }
    order_of_versions(c, tls);
    match mode {
        ServerTlsMode::IstioMutual => {
            let has_own = has_credential || !certificates.is_empty();
            if has_files || has_own || is_set(&tls.ca_certificates) {
                let message = "ISTIO_MUTUAL uses Istio's own certificates";
                c.reject(tls.at, message, "remove the certificates");
            }
        }
        ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough => {
            if has_files || has_credential || is_set(&tls.ca_certificates) {
                let message = "a server that passes TLS through uses no certificates";
                c.warn(
                    tls.at,
                    message,
                    "they have no effect",
                    "remove them, or write another `mode`",
                );
            }
        }
        ServerTlsMode::Simple | ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual => {
            if !has_credential {
                files(c, tls, mode);
            }
        }
    }
}

/// Checks that old versions have ciphers that they know.
fn lowest_version(c: &mut Validator<'_>, tls: &ServerTls) {
    if let Some(min) = tls.min_protocol_version
        && matches!(min.value, TlsVersion::V1_0 | TlsVersion::V1_1)
        && tls.cipher_suites.is_empty()
    {
        let message = "versions of TLS below 1.2 need `cipherSuites` that they know";
        c.warn(
            min.at,
            message,
            "the listener's own TLS decides",
            "write them",
        );
    }
}

fn order_of_versions(c: &mut Validator<'_>, tls: &ServerTls) {
    if let (Some(min), Some(max)) = (tls.min_protocol_version, tls.max_protocol_version)
        && max.value as u8 != 0
        && min.value as u8 > max.value as u8
    {
        c.reject(
            min.at,
            "the minimum version is above the maximum",
            "swap them",
        );
    }
}

/// Checks that a server has its certificates, where nothing else gives them.
fn files(c: &mut Validator<'_>, tls: &ServerTls, mode: ServerTlsMode) {
    let Nullable(certificates) = &tls.tls_certificates;
    c.no_null(&tls.tls_certificates, tls.at, "tlsCertificates");
    for one in certificates.iter().flatten() {
        if !is_set(&one.server_certificate) || !is_set(&one.private_key) {
            let message = "a certificate needs `serverCertificate` and `privateKey`";
            c.reject(one.at, message, "write both");
        }
    }
    let has_list = !certificates.is_empty();
    if !has_list && !is_set(&tls.server_certificate) {
        let message = "the server has no certificate";
        c.require(
            tls.at,
            "serverCertificate",
            message,
            "write it, or `credentialName`",
        );
    }
    if !has_list && !is_set(&tls.private_key) {
        let message = "the server has no key";
        c.require(
            tls.at,
            "privateKey",
            message,
            "write it, or `credentialName`",
        );
    }
    if mode != ServerTlsMode::Simple && !is_set(&tls.ca_certificates) {
        let message = "mutual TLS needs certificates to check the caller with";
        c.require(tls.at, "caCertificates", message, "write them");
    }
}

fn is_set(text: &Text) -> bool {
    text.as_ref().is_some_and(|text| !text.value.is_empty())
}
