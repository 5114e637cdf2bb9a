mod server_tls;

pub(super) use server_tls::server_tls;

use super::Validator;
use super::names::{is_address, is_label};
use super::service_entry::{is_protocol, protocol};
use crate::istio::api::fields::read::Spanned;
use crate::istio::api::gateway::{Gateway, Server};
use crate::istio::syntax::shorten::shorten;

const TLS: [&str; 2] = ["https", "tls"];

pub(super) fn gateway(c: &mut Validator<'_>, gateway: &Gateway) {
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
    let Some(port) = &server.port else { return };
    let has_number = port.number.is_some_and(|number| number.value != 0);
    if is_unix && has_number {
        let message = "a Unix socket has no port";
        c.reject(
            port.at,
            message,
            "write `number: 0`, or an address at `bind`",
        );
    }
    protocol(c, &port.protocol);
    match port.number {
        Some(number) if has_number || !is_unix => c.port(number),
        None if !is_unix => c.require(
            port.at,
            "number",
            "the port has no number",
            "write `number`",
        ),
        _ => {}
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
            if !(is_http && server_tls::passes_through(tls)) {
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
