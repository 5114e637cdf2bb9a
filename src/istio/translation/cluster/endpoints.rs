use std::collections::BTreeMap;

use crate::istio::api::destination_rule::Subset;
use crate::istio::api::fields::read::Text;
use crate::istio::api::service_entry::{Resolution, ServiceEntry, ServicePort};
use crate::istio::api::workload::Workload;
use crate::istio::config::{ClusterDiscovery, DnsConfig, EndpointConfig};
use crate::istio::model::names::is_wildcard;
use crate::istio::translation::index::selector::selects;
use crate::istio::translation::index::service_entry_index::HostEntries;

/// Returns the service port: the written one, the only one, or the request's.
pub(in crate::istio::translation) fn service_port(
    known: Option<&HostEntries<'_>>,
    written: Option<u16>,
    request: Option<u16>,
) -> Option<u16> {
    let mut numbers = known
        .into_iter()
        .flat_map(ports)
        .filter_map(|(_, port)| number(port));
    // With several ports, the request's port decides.
    let only = numbers.next().filter(|_| numbers.next().is_none());
    written.or(only).or(request)
}

pub(in crate::istio::translation) fn has_ports(known: &HostEntries<'_>) -> bool {
    ports(known).next().is_some()
}

/// Returns where a host listens, for a port of it and a subset.
pub(in crate::istio::translation) fn endpoints(
    host: &str,
    known: Option<&HostEntries<'_>>,
    port: Option<u16>,
    subset: Option<&Subset>,
) -> ClusterDiscovery {
    let Some(known) = known else {
        return ClusterDiscovery::ByName;
    };
    let mut of_port = ports(known).filter(|(_, own)| port.is_none() || number(own) == port);
    let Some((first, _)) = of_port.clone().next() else {
        // A service entry without ports applies to every port.
        return match ports(known).next() {
            Some(_) => ClusterDiscovery::Unknown,
            None => ClusterDiscovery::ByName,
        };
    };
    match resolution(first) {
        // The address that a request is for, at another port than it says.
        Resolution::None
            if of_port.clone().any(|(_, port)| is_elsewhere(port)) && !is_wildcard(host) =>
        {
            let all = of_port.flat_map(|(_, port)| itself(host, port, subset, true));
            ClusterDiscovery::Dns(all.collect())
        }
        Resolution::None | Resolution::DynamicDns => ClusterDiscovery::ByName,
        // The selected workloads are known to Kubernetes only, so the name is resolved.
        Resolution::Static if first.workload_selector.is_some() => ClusterDiscovery::ByName,
        Resolution::Static => {
            let all = of_port.flat_map(|(entry, port)| fixed(entry, port, subset));
            ClusterDiscovery::Fixed(all.collect())
        }
        resolution => {
            let is_one = resolution == Resolution::DnsRoundRobin;
            let all = of_port.by_ref().flat_map(|(entry, port)| {
                let of_entry = dns(entry, port, subset, is_one);
                of_entry.unwrap_or_else(|| itself(host, port, subset, is_one))
            });
            ClusterDiscovery::Dns(all.collect())
        }
    }
}

/// Says that a port of a service is for HTTP/2, or for gRPC, which is that.
pub(in crate::istio::translation) fn is_http2(
    known: Option<&HostEntries<'_>>,
    port: Option<u16>,
) -> bool {
    let mut of_port = known
        .into_iter()
        .flat_map(ports)
        .filter(|(_, own)| port.is_none() || number(own) == port);
    let protocol = of_port.next().and_then(|(_, own)| text(&own.protocol));
    protocol.is_some_and(|protocol| {
        let known = ["GRPC", "GRPC-WEB", "HTTP2"];
        known
            .iter()
            .any(|known| protocol.eq_ignore_ascii_case(known))
    })
}

/// Returns all ports, each with its service entry.
fn ports<'a>(
    known: &'a HostEntries<'a>,
) -> impl Iterator<Item = (&'a ServiceEntry, &'a ServicePort)> + Clone {
    known.entries.iter().flat_map(|entry| {
        let entry: &ServiceEntry = entry;
        entry
            .ports
            .0
            .iter()
            .flatten()
            .map(move |port| (entry, port))
    })
}

fn resolution(entry: &ServiceEntry) -> Resolution {
    entry
        .resolution
        .map_or(Resolution::None, |resolution| resolution.value)
}

fn number(port: &ServicePort) -> Option<u16> {
    u16::try_from(port.number?.value).ok()
}

fn fixed<'a>(
    entry: &'a ServiceEntry,
    port: &'a ServicePort,
    subset: Option<&'a Subset>,
) -> impl Iterator<Item = EndpointConfig> + 'a {
    selected(entry, subset).filter_map(move |endpoint| {
        // Unix domain sockets are not supported.
        let address = text(&endpoint.address).filter(|address| !address.starts_with("unix:"))?;
        let port = target(port, Some(endpoint))?;
        // IPv6 addresses need brackets in `host:port`.
        let address = if address.contains(':') {
            format!("[{address}]:{port}")
        } else {
            format!("{address}:{port}")
        };
        Some(EndpointConfig {
            address: address.into(),
            labels: labels(endpoint),
            weight: weight(endpoint),
        })
    })
}

/// Returns the DNS names of the endpoints; `None` if none are written, so that the host itself is
/// resolved.
fn dns(
    entry: &ServiceEntry,
    port: &ServicePort,
    subset: Option<&Subset>,
    is_one: bool,
) -> Option<Vec<DnsConfig>> {
    if entry.endpoints.0.is_empty() {
        return None;
    }
    let all = selected(entry, subset).filter_map(|endpoint| {
        Some(DnsConfig {
            name: text(&endpoint.address)?.into(),
            port: target(port, Some(endpoint))?,
            labels: labels(endpoint),
            weight: weight(endpoint),
            is_one,
        })
    });
    Some(all.collect())
}

/// Returns the host itself as a DNS name; nothing for a subset with labels, since the host has
/// none.
fn itself(host: &str, port: &ServicePort, subset: Option<&Subset>, is_one: bool) -> Vec<DnsConfig> {
    let is_meant = subset.is_none_or(|subset| subset.labels.is_empty());
    let own = is_meant.then(|| target(port, None)).flatten();
    let own = own.map(|port| DnsConfig {
        name: host.into(),
        port,
        labels: BTreeMap::new(),
        weight: 1,
        is_one,
    });
    own.into_iter().collect()
}

/// Says that a port leads to another one of its endpoints.
fn is_elsewhere(port: &ServicePort) -> bool {
    target(port, None) != number(port)
}

/// Returns the endpoints whose labels a subset asks for.
fn selected<'a>(
    entry: &'a ServiceEntry,
    subset: Option<&'a Subset>,
) -> impl Iterator<Item = &'a Workload> {
    entry.endpoints.0.iter().flatten().filter(move |endpoint| {
        let own = || {
            let labels = endpoint.labels.iter();
            let labels = labels.map(|(name, value)| {
                let value = value.as_ref().map_or("", |value| value.value.as_str());
                (name.value.clone(), value.to_owned())
            });
            labels.collect()
        };
        subset.is_none_or(|subset| subset.labels.is_empty() || selects(&subset.labels, &own()))
    })
}

/// Returns the endpoint's port: its own of that name, the target port, or the service port.
fn target(port: &ServicePort, endpoint: Option<&Workload>) -> Option<u16> {
    let name = port.name.as_ref().map(|name| name.value.as_str());
    let own = endpoint.and_then(|endpoint| {
        let mut ports = endpoint.ports.iter();
        let found = ports.find(|(own, _)| Some(own.value.as_str()) == name);
        found.and_then(|(_, port)| port.as_ref())
    });
    // 0 means unset, as in protobuf.
    let own = own.map(|port| port.value).filter(|port| *port > 0);
    let target = port
        .target_port
        .map(|port| port.value)
        .filter(|port| *port > 0);
    u16::try_from(
        own.or(target)
            .or_else(|| port.number.map(|number| number.value))?,
    )
    .ok()
}

fn labels(endpoint: &Workload) -> BTreeMap<Box<str>, Box<str>> {
    let labels = endpoint.labels.iter().map(|(name, value)| {
        let value = value.as_ref().map_or("", |value| value.value.as_str());
        (name.value.as_str().into(), value.into())
    });
    labels.collect()
}

/// Returns the weight of an endpoint; unset and 0 mean 1.
fn weight(endpoint: &Workload) -> u32 {
    endpoint.weight.map_or(1, |weight| weight.value.max(1))
}

fn text(text: &Text) -> Option<&str> {
    let text = text.as_ref()?;
    (!text.value.is_empty()).then_some(text.value.as_str())
}
