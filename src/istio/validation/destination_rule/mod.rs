pub(in crate::istio::validation) mod connection;
pub(in crate::istio::validation) mod load_balancer;
pub(in crate::istio::validation) mod locality;

use super::Validator;
use super::exposure::Owner;
use super::names::{bad_domain, is_address, is_label};
use crate::istio::api::destination_rule::{
    ClientTls, DestinationRule, PortPolicy, TlsMode, TrafficPolicy,
};
use crate::istio::api::fields::read::Text;
use crate::istio::syntax::shorten::shorten;

pub(super) fn destination_rule(c: &mut Validator<'_>, rule: &DestinationRule) {
    if let Some(host) = rule.host.as_ref().filter(|host| !host.value.is_empty()) {
        c.wildcard(host);
    }
    if let Some(policy) = &rule.traffic_policy {
        traffic_policy(c, policy);
    }
    c.no_null(&rule.subsets, rule.at, "subsets");
    let mut names: Vec<&str> = Vec::new();
    for subset in rule.subsets.0.iter().flatten() {
        let name = subset.name.as_ref().map_or("", |name| name.value.as_str());
        let at = subset.name.as_ref().map_or(subset.at, |name| name.at);
        if !is_label(name) {
            let message = format!("`{}` cannot be a subset's name", shorten(name));
            c.reject(at, message, "use letters, digits and `-`");
        } else if names.len() < 2_000 && names.contains(&name) {
            let message = format!("the subset `{name}` is there twice");
            c.reject(at, message, "give each subset its own name");
        }
        names.push(name);
        c.labels(&subset.labels);
        if let Some(policy) = &subset.traffic_policy {
            traffic_policy(c, policy);
        }
    }
    let mut owner = Owner::Other;
    if let Some(selector) = &rule.workload_selector {
        c.selector(&selector.match_labels, selector.at);
        owner = Owner::RuleWithSelector;
    }
    c.export_to(&rule.export_to, owner);
}

fn traffic_policy(c: &mut Validator<'_>, policy: &TrafficPolicy) {
    let is_empty = policy.load_balancer.is_none()
        && policy.connection_pool.is_none()
        && policy.outlier_detection.is_none()
        && policy.tls.is_none()
        && policy.port_level_settings.0.is_empty()
        && policy.tunnel.is_none()
        && policy.proxy_protocol.is_none()
        && policy.retry_budget.is_none();
    if is_empty {
        let message = "the traffic policy says nothing";
        c.reject(
            policy.at,
            message,
            "write a setting, or remove `trafficPolicy`",
        );
    }
    c.connection_pool(policy.connection_pool.as_deref());
    c.outlier_detection(policy.outlier_detection.as_deref());
    let ejects = policy.outlier_detection.is_some();
    c.load_balancer(policy.load_balancer.as_deref(), ejects);
    client_tls(c, policy.tls.as_deref());
    c.no_null(&policy.port_level_settings, policy.at, "portLevelSettings");
    for port in policy.port_level_settings.0.iter().flatten() {
        port_policy(c, port);
    }
    if let Some(tunnel) = &policy.tunnel {
        let protocol = tunnel.protocol.as_ref().map_or("", |p| p.value.as_str());
        if !matches!(protocol, "" | "CONNECT" | "POST") {
            c.reject(
                tunnel.at,
                "the tunnel's protocol is not CONNECT or POST",
                "write one of them",
            );
        }
        let host = tunnel
            .target_host
            .as_ref()
            .map_or("", |host| host.value.as_str());
        if bad_domain(host).is_some() && !is_address(host) {
            c.require(
                tunnel.at,
                "targetHost",
                "the tunnel has no target",
                "write `targetHost`",
            );
        }
        if let Some(proxy) = &policy.proxy_protocol {
            let message = "a tunnel and the proxy protocol do not go together";
            c.reject(proxy.at, message, "keep one of them");
        }
    }
}

/// Checks the settings of one port.
fn port_policy(c: &mut Validator<'_>, port: &PortPolicy) {
    match &port.port {
        Some(selector) if selector.number.is_none_or(|number| number.value == 0) => {
            let message = "the settings are for no port";
            c.warn(
                selector.at,
                message,
                "they have no effect",
                "write `number`",
            );
        }
        Some(selector) => selector
            .number
            .into_iter()
            .for_each(|number| c.port(number)),
        None => {}
    }
    let is_empty = port.connection_pool.is_none()
        && port.load_balancer.is_none()
        && port.outlier_detection.is_none()
        && port.tls.is_none();
    if is_empty {
        let message = "the settings of the port say nothing";
        c.reject(port.at, message, "write a setting, or remove them");
    }
    c.connection_pool(port.connection_pool.as_deref());
    c.outlier_detection(port.outlier_detection.as_deref());
    c.load_balancer(
        port.load_balancer.as_deref(),
        port.outlier_detection.is_some(),
    );
    client_tls(c, port.tls.as_deref());
}

fn checks_peer(tls: &ClientTls) -> bool {
    let authorities = tls.ca_certificates.as_ref();
    authorities.is_some_and(|text| !text.value.is_empty()) || !tls.subject_alt_names.is_empty()
}

fn client_tls(c: &mut Validator<'_>, tls: Option<&ClientTls>) {
    let Some(tls) = tls else { return };
    if let Some(name) = &tls.credential_name
        && let Some(map) = name.value.strip_prefix("configmap://")
    {
        let (namespace, map) = map.split_once('/').unwrap_or((&c.object.namespace, map));
        if namespace != c.object.namespace || map.is_empty() {
            let message = "a `configmap://` is of the namespace of the destination rule";
            c.reject(name.at, message, "write `configmap://name`");
        }
    }
    let is_set = |text: &Text| text.as_ref().is_some_and(|text| !text.value.is_empty());
    let mode = tls.mode.map(|mode| mode.value);
    let has_own = is_set(&tls.client_certificate) || is_set(&tls.private_key);
    let has_ca = is_set(&tls.ca_certificates) || is_set(&tls.ca_crl);
    if tls.insecure_skip_verify.is_some_and(|skip| skip.value) {
        let checks = match mode {
            Some(TlsMode::Simple) => is_set(&tls.credential_name) || checks_peer(tls),
            Some(TlsMode::Mutual) => checks_peer(tls),
            _ => false,
        };
        if checks {
            let message =
                "`insecureSkipVerify` checks nothing, and there is something to check with";
            c.reject(tls.at, message, "remove it, or what it does not check");
        }
    }
    // ISTIO_MUTUAL uses Istio's certificates, so the other fields have no effect.
    let is_own = matches!(mode, Some(TlsMode::Simple | TlsMode::Mutual));
    if is_own && is_set(&tls.credential_name) {
        if has_own || has_ca {
            let message = "certificates come from `credentialName` or from files";
            c.reject(tls.at, message, "keep one of them");
        }
    } else if mode == Some(TlsMode::Mutual) {
        if !is_set(&tls.client_certificate) {
            let message = "mutual TLS needs a certificate";
            c.require(tls.at, "clientCertificate", message, "write it");
        }
        if !is_set(&tls.private_key) {
            c.require(
                tls.at,
                "privateKey",
                "mutual TLS requires a key",
                "write it",
            );
        }
    }
}
