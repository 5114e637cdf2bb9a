use super::Validator;
use super::names::{bad_domain, bad_wildcard, is_address, is_label};
use super::service_entry::{is_protocol, port_name, protocol};
use crate::istio::api::fields::read::{Spanned, Text};
use crate::istio::api::gateway::{ServerTls, ServerTlsMode};
use crate::istio::api::sidecar::{
    CaptureMode, EgressListener, IngressListener, OutboundMode, Sidecar, SidecarPort,
};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::shorten::shorten;

pub(super) fn sidecar(c: &mut Validator<'_>, sidecar: &Sidecar) {
    if let Some(selector) = &sidecar.workload_selector {
        c.selector(&selector.labels, selector.at);
    }
    let is_empty = sidecar.egress.0.is_empty()
        && sidecar.ingress.0.is_empty()
        && sidecar.outbound_traffic_policy.is_none()
        && sidecar.inbound_connection_pool.is_none();
    if is_empty {
        let message = "the sidecar says nothing";
        c.reject(sidecar.at, message, "write `egress`, or remove the object");
    }
    c.connection_pool(sidecar.inbound_connection_pool.as_ref());
    c.no_null(&sidecar.ingress, sidecar.at, "ingress");
    c.no_null(&sidecar.egress, sidecar.at, "egress");
    let mut ports = Vec::new();
    for listener in sidecar.ingress.0.iter().flatten().take(2_000) {
        ingress(c, listener);
        unique(c, listener.port.as_ref(), &mut ports);
    }
    ports.clear();
    let last = sidecar.egress.0.len().saturating_sub(1);
    for (index, listener) in sidecar.egress.0.iter().enumerate().take(2_000) {
        let Some(listener) = listener else { continue };
        if listener.port.is_none() && index < last {
            let message = "only the last listener may have no port";
            c.reject(listener.at, message, "write `port`, or move it to the end");
        }
        egress(c, listener);
        unique(c, listener.port.as_ref(), &mut ports);
    }
    let Some(outbound) = &sidecar.outbound_traffic_policy else {
        return;
    };
    if let Some(proxy) = &outbound.egress_proxy {
        c.findings.push(
            Finding::warning(Code::Deprecated, proxy.at)
                .at_key()
                .message("`egressProxy` is deprecated")
                .effect("it has no effect: the Sidecar is checked only")
                .in_istio("`istioctl analyze` warns of it too")
                .help("route such hosts to a gateway by a VirtualService"),
        );
        let mode = outbound.mode.map(|mode| mode.value);
        if mode != Some(OutboundMode::AllowAny) {
            let message = "an egress proxy is for the mode ALLOW_ANY only";
            c.reject(proxy.at, message, "write `mode: ALLOW_ANY`");
        }
        let host = proxy.host.as_ref().map_or("", |host| host.value.as_str());
        if bad_domain(host).is_some() {
            let message = format!("`{}` is no host", shorten(host));
            c.reject(proxy.at, message, "write a full name");
        }
        match &proxy.port {
            Some(_) => super::virtual_service::http_route::destination(c, proxy),
            None => c.require(proxy.at, "port", "the proxy has no port", "write `port`"),
        }
    }
}

fn unique(c: &mut Validator<'_>, port: Option<&SidecarPort>, ports: &mut Vec<u32>) {
    let number = port.and_then(|port| port.number);
    let Some(number) = number.filter(|number| number.value != 0) else {
        return;
    };
    if ports.contains(&number.value) {
        let message = format!("the port {} is there twice", number.value);
        c.reject(number.at, message, "keep it once");
    }
    ports.push(number.value);
}

fn ingress(c: &mut Validator<'_>, listener: &IngressListener) {
    if let Some(port) = &listener.port {
        listen(c, port, &listener.bind);
        if port.number.is_none() {
            let message = "the port has no number";
            c.require(port.at, "number", message, "write `number`");
        }
    }
    if let Some(endpoint) = &listener.default_endpoint {
        default_endpoint(c, endpoint);
    }
    if let Some(tls) = &listener.tls {
        let port = listener.port.as_ref();
        if !port.is_some_and(|port| is_protocol(&port.protocol, &["https", "tls"])) {
            let message = "a port that speaks no TLS has `tls`";
            c.reject(tls.at, message, "remove it, or write `protocol: HTTPS`");
        }
        server_tls(c, tls);
    }
    c.connection_pool(listener.connection_pool.as_ref());
}

fn egress(c: &mut Validator<'_>, listener: &EgressListener) {
    if let Some(port) = &listener.port {
        let bind = listener
            .bind
            .as_ref()
            .map_or("", |bind| bind.value.as_str());
        if port.number.is_some_and(|number| number.value != 0) {
            listen(c, port, &listener.bind);
        } else if !is_socket(bind) {
            let message = "a port of 0 needs a Unix socket to bind to";
            c.reject(port.at, message, "write `number`, or `bind: unix:///…`");
        } else if listener
            .capture_mode
            .is_some_and(|mode| mode.value == CaptureMode::Iptables)
        {
            let message = "a Unix socket is not captured by iptables";
            c.reject(listener.at, message, "write `captureMode: NONE`");
        }
    }
    for host in &listener.hosts {
        egress_host(c, host);
    }
}

fn egress_host(c: &mut Validator<'_>, host: &Spanned<String>) {
    let is_good = host.value.split_once('/').is_some_and(|(namespace, name)| {
        let is_short = name != "*" && !name.contains('.');
        let is_partial = name.starts_with('*') && name != "*" && !name.starts_with("*.");
        (matches!(namespace, "*" | "." | "~") || is_label(namespace))
            && !is_short
            && !is_partial
            && bad_wildcard(name).is_none()
    });
    if !is_good {
        let message = format!("`{}` is no `namespace/host`", shorten(&host.value));
        let help = "write `./host`, `*/host` or `namespace/host`, with the host's full name";
        c.reject(host.at, message, help);
    }
}

/// Checks a port that has a number, and what it is bound to.
fn listen(c: &mut Validator<'_>, port: &SidecarPort, bind: &Text) {
    if let Some(target) = port.target_port.filter(|target| target.value > 0) {
        let message = "`targetPort` has no effect on a sidecar";
        c.reject(target.at, message, "remove it");
    }
    if let Some(name) = &port.name {
        port_name(c, name);
    }
    protocol(c, &port.protocol);
    if let Some(number) = port.number {
        c.port(number);
    }
    if let Some(bind) = bind.as_ref().filter(|bind| !bind.value.is_empty())
        && !is_address(&bind.value)
    {
        let message = format!("`{}` is no address", shorten(&bind.value));
        c.reject(bind.at, message, "write an address");
    }
}

/// Checks where requests go to: `127.0.0.1:PORT`, `0.0.0.0:PORT`, the same of IPv6, or a Unix socket.
fn default_endpoint(c: &mut Validator<'_>, endpoint: &Spanned<String>) {
    const HOSTS: [&str; 5] = ["", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"];
    let text = endpoint.value.as_str();
    let is_good = text.is_empty()
        || is_socket(text)
        || text.rsplit_once(':').is_some_and(|(host, port)| {
            let port = port.parse::<u16>().unwrap_or(0);
            HOSTS.contains(&host) && port > 0
        });
    if !is_good {
        let message = format!("`{}` is no endpoint of this host", shorten(text));
        c.reject(
            endpoint.at,
            message,
            "write `127.0.0.1:PORT` or `unix:///…`",
        );
    }
}

fn is_socket(text: &str) -> bool {
    text.strip_prefix("unix://")
        .is_some_and(|path| path.starts_with('@') || path.starts_with('/') && !path.ends_with('/'))
}

fn server_tls(c: &mut Validator<'_>, tls: &ServerTls) {
    let is_set = |text: &Text| text.as_ref().is_some_and(|text| !text.value.is_empty());
    let mode = tls.mode.map(|mode| mode.value);
    let wrong = [
        ("subjectAltNames", !tls.subject_alt_names.is_empty()),
        (
            "httpsRedirect",
            tls.https_redirect.is_some_and(|redirect| redirect.value),
        ),
        ("credentialName", is_set(&tls.credential_name)),
        ("credentialNames", !tls.credential_names.is_empty()),
        ("tlsCertificates", !tls.tls_certificates.0.is_empty()),
        (
            "mode",
            matches!(
                mode,
                Some(ServerTlsMode::AutoPassthrough | ServerTlsMode::IstioMutual)
            ),
        ),
    ];
    for (field, _) in wrong.iter().filter(|(_, is_wrong)| *is_wrong) {
        let message = format!("a sidecar's `tls` cannot have that `{field}`");
        c.reject(tls.at, message, "remove it");
    }
    super::gateway::server_tls(c, tls);
}
