use super::Validator;
use super::names::{is_address, is_label};
use super::service_entry::{is_protocol, service_port};
use crate::istio::api::fields::read::{Nullable, Spanned, Text, shorten};
use crate::istio::api::gateway::{Gateway, Server, ServerTls, ServerTlsMode, TlsVersion};

const TLS: [&str; 2] = ["https", "tls"];

pub(super) fn gateway(c: &mut Validator<'_>, gateway: &Gateway) {
    if gateway.servers.0.is_empty() {
        c.require(
            gateway.at,
            "servers",
            "the gateway has no server",
            "write `servers`",
        );
    }
    let mut names: Vec<&str> = Vec::new();
    for item in gateway.servers.0.iter().take(2_000) {
        let Some(one) = item else {
            c.reject(gateway.at, "a server is null", "write or remove it");
            continue;
        };
        server(c, one);
        let name = one.port.as_ref().and_then(|port| port.name.as_ref());
        if let Some(name) = name {
            if names.contains(&name.value.as_str()) {
                let message = format!("two servers' port names are `{}`", shorten(&name.value));
                c.reject(name.at, message, "give each its own");
            }
            names.push(&name.value);
        }
    }
    c.labels(&gateway.selector);
}

fn server(c: &mut Validator<'_>, server: &Server) {
    if server.hosts.is_empty() {
        c.require(
            server.at,
            "hosts",
            "the server has no host",
            "write `hosts`",
        );
    }
    for host in &server.hosts {
        server_host(c, host);
    }
    let bind = server.bind.as_ref().map_or("", |bind| bind.value.as_str());
    let is_unix = bind.starts_with("unix://");
    if let Some(bind) = server.bind.as_ref().filter(|bind| !bind.value.is_empty()) {
        let path = bind.value.strip_prefix("unix://");
        let is_good = path.map_or_else(
            || is_address(&bind.value),
            |path| path.starts_with(['/', '@']),
        );
        if !is_good || is_unix && bind.value.ends_with('/') {
            let message = format!("`{}` is nothing to bind to", shorten(&bind.value));
            c.reject(bind.at, message, "write an address");
        }
    }
    let Some(port) = &server.port else {
        c.require(server.at, "port", "the server has no port", "write `port`");
        return;
    };
    let has_number = port.number.is_some_and(|number| number.value != 0);
    if is_unix && has_number {
        let message = "a Unix socket has no port";
        c.reject(
            port.at,
            message,
            "write `number: 0`, or an address at `bind`",
        );
    }
    if has_number || !is_unix {
        service_port(c, port, false);
    }
    if port
        .protocol
        .as_ref()
        .is_none_or(|protocol| protocol.value.is_empty())
    {
        c.require(
            port.at,
            "protocol",
            "the port has no protocol",
            "write `protocol: HTTP`",
        );
    }
    if let Some(target) = port.target_port {
        let message = "`targetPort` has no effect on a gateway";
        c.warn(target.at, message, "it has no effect", "remove it");
    }
    let is_tls = is_protocol(&port.protocol, &TLS);
    match &server.tls {
        None if is_tls => {
            let message = "a server for HTTPS or TLS needs `tls`";
            c.require(server.at, "tls", message, "write `tls` with a mode");
        }
        Some(tls) if !is_tls => {
            let is_http = is_protocol(
                &port.protocol,
                &["grpc", "grpc-web", "http", "http2", "http_proxy"],
            );
            if !(is_http && passes_through(tls)) {
                let message = "a server that speaks no TLS has `tls`";
                c.reject(tls.at, message, "remove it, or write `protocol: HTTPS`");
            }
        }
        Some(tls) => {
            if let Some(redirect) = tls.https_redirect.filter(|redirect| redirect.value) {
                let message = "`httpsRedirect` is for servers of plain HTTP";
                c.warn(redirect.at, message, "it has no effect", "remove it");
            }
            server_tls(c, tls);
        }
        None => {}
    }
}

/// Says whether TLS is left alone, which is all that a server of plain HTTP may say of it.
fn passes_through(tls: &ServerTls) -> bool {
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

/// `host`, `namespace/host`, `./host` or `*/host`.
fn server_host(c: &mut Validator<'_>, host: &Spanned<String>) {
    let text = match host.value.split_once('/') {
        None => host.value.as_str(),
        Some((namespace, rest)) => {
            if !matches!(namespace, "." | "*") && !is_label(namespace) {
                let message = format!("invalid namespace value `{}`", shorten(namespace));
                c.reject(host.at, message, "write `namespace/host`");
            }
            rest
        }
    };
    if text.starts_with('*') && text != "*" && !text.starts_with("*.") {
        let message = format!("the `*` of `{}` stands for part of a label", shorten(text));
        c.reject(host.at, message, "write `*.` and the rest");
    } else if !text.contains('.') && text != "*" && !text.is_empty() {
        let message = format!(
            "`{}` is a short name, by which no caller from outside asks",
            shorten(text)
        );
        c.reject(
            host.at,
            message,
            "write the full name, such as `www.example.com`",
        );
    }
    let value = text.to_owned();
    c.wildcard(&Spanned { at: host.at, value });
}

pub(super) fn server_tls(c: &mut Validator<'_>, tls: &ServerTls) {
    let is_set = |text: &Text| text.as_ref().is_some_and(|text| !text.value.is_empty());
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
    if let Some(crl) = tls.ca_crl.as_ref().filter(|crl| !crl.value.is_empty())
        && mode == ServerTlsMode::Simple
        && !has_credential
    {
        let message = "a list of revoked certificates is for mutual TLS";
        c.reject(crl.at, message, "write `mode: MUTUAL`, or remove it");
    }
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
            if has_credential {
                return;
            }
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
    }
}
