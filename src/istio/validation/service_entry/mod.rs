pub(in crate::istio::validation) mod endpoints;
pub(in crate::istio::validation) mod workload;

use super::Validator;

use super::exposure::Owner;
use super::names::{is_label, is_subnet};
use crate::istio::api::fields::read::{Spanned, Text, UInt};
use crate::istio::api::service_entry::{Location, Resolution, ServiceEntry};
use crate::istio::diagnostics::suggest::suggest;
use crate::istio::syntax::shorten::shorten;

/// The protocols that Istio knows, in lower case.
const PROTOCOLS: [&str; 14] = [
    "doublehbone",
    "grpc",
    "grpc-web",
    "hbone",
    "http",
    "http2",
    "http_proxy",
    "https",
    "mongo",
    "mysql",
    "redis",
    "tcp",
    "tls",
    "udp",
];

/// The protocols in which each request or connection names its host.
const TOLD_APART: [&str; 7] = [
    "grpc",
    "grpc-web",
    "http",
    "http2",
    "http_proxy",
    "https",
    "tls",
];

pub(super) fn service_entry(c: &mut Validator<'_>, entry: &ServiceEntry) {
    let resolution = entry.resolution.map_or(Resolution::None, |r| r.value);
    for host in &entry.hosts {
        if host.value == "*" {
            c.reject(
                host.at,
                "`*` is not a valid host of a service entry",
                "name the hosts",
            );
        } else {
            c.wildcard(host);
        }
        if host.value.starts_with('*') && !host.value.starts_with("*.") {
            let message = "the `*` stands for part of a label";
            c.warn(
                host.at,
                message,
                "it is read as it is",
                "write `*.` and the rest",
            );
        }
        if resolution == Resolution::DynamicDns && !host.value.starts_with('*') {
            let message = "DYNAMIC_DNS is for hosts with a `*`";
            c.reject(host.at, message, "write `resolution: DNS`");
        }
    }
    for address in &entry.addresses {
        if !is_subnet(&address.value) {
            c.subnet(address);
        } else if address.value.contains('/')
            && !matches!(resolution, Resolution::None | Resolution::Static)
        {
            let message = "a range of addresses needs the resolution NONE or STATIC";
            c.reject(
                address.at,
                message,
                "write an address, or another resolution",
            );
        } else if resolution == Resolution::DynamicDns {
            c.reject(
                address.at,
                "`addresses` cannot be combined with the resolution DYNAMIC_DNS",
                "remove them",
            );
        }
    }
    ports(c, entry, resolution);
    if let Some(selector) = &entry.workload_selector {
        if !entry.endpoints.0.is_empty() {
            let message = "a service entry has one of `endpoints` and `workloadSelector`";
            c.reject(selector.at, message, "keep one of them");
        }
        if !matches!(resolution, Resolution::Static) && !selector.labels.is_empty() {
            let message = "the workload selector selects for the resolution STATIC only";
            c.warn(
                selector.at,
                message,
                "it selects nothing",
                "write `resolution: STATIC`",
            );
        }
        c.selector(&selector.labels, selector.at);
    }
    endpoints::endpoints(c, entry, resolution);
    shared_addresses(c, entry, resolution);
    let internal = entry
        .location
        .is_some_and(|l| l.value == Location::Internal);
    if internal && resolution == Resolution::DynamicDns && uses_waypoint(c) {
        let message = "DYNAMIC_DNS with a waypoint is for MESH_EXTERNAL";
        c.reject(entry.at, message, "write `location: MESH_EXTERNAL`");
    }
    c.export_to(&entry.export_to, Owner::ServiceEntry);
}

/// Says whether the object is labelled to be behind a waypoint.
fn uses_waypoint(c: &Validator<'_>) -> bool {
    let labels = c.metadata.iter().flat_map(|metadata| &metadata.labels);
    let mut waypoints = labels.filter(|(name, _)| name.value == "istio.io/use-waypoint");
    waypoints.any(|(_, value)| {
        let value = value.as_ref().map_or("", |value| value.value.as_str());
        !matches!(value, "" | "none")
    })
}

fn ports(c: &mut Validator<'_>, entry: &ServiceEntry, resolution: Resolution) {
    let (mut numbers, mut names) = (Vec::new(), Vec::new());
    // The search for duplicates is quadratic: limited for generated documents.
    for port in entry.ports.0.iter().take(2_000) {
        let Some(port) = port else {
            c.reject(entry.at, "a port is null", "write or remove it");
            continue;
        };
        let number = port.number.map_or(0, |number| number.value);
        let name = port.name.as_ref().map_or("", |name| name.value.as_str());
        if numbers.contains(&number) {
            c.reject(port.at, format!("duplicate port {number}"), "keep it once");
        }
        if names.contains(&name) {
            let message = format!("two ports have the name `{}`", shorten(name));
            c.reject(port.at, message, "give each its own");
        }
        numbers.push(number);
        names.push(name);
        protocol(c, &port.protocol);
        if let Some(name) = &port.name {
            port_name(c, name);
        }
        let is_told_apart = is_protocol(&port.protocol, &TOLD_APART);
        if entry.hosts.len() > 1 && resolution != Resolution::None && !is_told_apart {
            let message = "several hosts share a port of which nothing tells the host";
            let help = "write a service entry for each host, or a protocol of HTTP or TLS";
            c.reject(port.at, message, help);
        }
        let is_http = is_protocol(
            &port.protocol,
            &["http", "http2", "grpc", "grpc-web", "https", "tls"],
        );
        if resolution == Resolution::DynamicDns && !is_http {
            c.reject(
                port.at,
                "DYNAMIC_DNS requires HTTP or TLS, to detect the host",
                "write `protocol: HTTP`",
            );
        }
    }
}

/// Checks the name of a port.
pub(super) fn port_name(c: &mut Validator<'_>, name: &Spanned<String>) {
    if !name.value.is_empty() && !is_label(&name.value) {
        let message = format!("`{}` cannot be a port's name", shorten(&name.value));
        c.reject(name.at, message, "use letters, digits and `-`, 63 at most");
    }
}

/// Checks a protocol that may be left out.
pub(super) fn protocol(c: &mut Validator<'_>, protocol: &Text) {
    if let Some(text) = protocol
        && !text.value.is_empty()
        && !is_protocol(protocol, &PROTOCOLS)
    {
        let message = format!("Istio knows no protocol `{}`", shorten(&text.value));
        let help = suggest(&text.value, PROTOCOLS).map_or_else(
            || "write HTTP, HTTP2, GRPC, HTTPS, TLS or TCP".to_owned(),
            |near| format!("did you mean `{}`?", near.to_ascii_uppercase()),
        );
        c.reject(text.at, message, help);
    }
}

/// Says whether Istio knows a protocol by this name.
pub(crate) fn is_known_protocol(name: &str) -> bool {
    PROTOCOLS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

pub(super) fn is_protocol(protocol: &Text, of: &[&str]) -> bool {
    let protocol = protocol
        .as_ref()
        .map_or("", |protocol| protocol.value.as_str());
    of.iter().any(|one| one.eq_ignore_ascii_case(protocol))
}

fn shared_addresses(c: &mut Validator<'_>, entry: &ServiceEntry, resolution: Resolution) {
    let number = |port: UInt| port.map_or(0, |port| port.value);
    if let Some(port) = entry
        .ports
        .0
        .iter()
        .flatten()
        .find(|port| port.protocol.as_ref().is_none_or(|p| p.value.is_empty()))
        && entry.addresses.is_empty()
    {
        let message = format!("port {} has no protocol", number(port.number));
        let effect = "it is read as HTTP if it looks like HTTP";
        c.warn(port.at, message, effect, "write `protocol`");
    }
    let is_dns = resolution == Resolution::Dns;
    let tls = entry
        .ports
        .0
        .iter()
        .flatten()
        .find(|port| is_protocol(&port.protocol, &["https", "tls", "tcp"]));
    if let (true, Some(port), [_, _, ..]) =
        (is_dns && !entry.addresses.is_empty(), tls, &entry.hosts[..])
    {
        let message =
            "several hosts share the addresses of a port that only the address tells apart";
        let effect = "each host is found by its own name";
        c.warn(
            port.at,
            message,
            effect,
            "write a service entry for each host",
        );
    }
}
