//! The kinds that describe workloads outside the cluster.

use super::endpoints;
use crate::istio::api::fields::read::UInt;
use crate::istio::api::workload::{HttpGet, Probe, Workload, WorkloadGroup};
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;
use crate::istio::validation::Validator;
use crate::istio::validation::names::is_header_name;

pub(in crate::istio::validation) fn workload_entry(c: &mut Validator<'_>, entry: &Workload) {
    endpoints::workload(c, entry, true);
}

pub(in crate::istio::validation) fn workload_group(c: &mut Validator<'_>, group: &WorkloadGroup) {
    match &group.template {
        Some(template) => {
            if let Some(address) = &template.address {
                c.reject(address.at, "a template cannot have an address", "remove it");
            }
            endpoints::ports(c, template);
            c.labels(&template.labels);
        }
        None => c.require(
            group.at,
            "template",
            "the group has no template",
            "write `template`",
        ),
    }
    if let Some(metadata) = &group.metadata {
        c.labels(&metadata.labels);
    }
    if let Some(found) = &group.probe {
        probe(c, found);
    }
}

fn probe(c: &mut Validator<'_>, probe: &Probe) {
    let ways = [
        probe.http_get.is_some(),
        probe.tcp_socket.is_some(),
        probe.exec.is_some(),
        probe.grpc.is_some(),
    ];
    if ways.iter().filter(|way| **way).count() != 1 {
        let message = "a probe has one of `httpGet`, `tcpSocket`, `exec` and `grpc`";
        c.reject(probe.at, message, "write one of them");
    }
    if let Some(get) = &probe.http_get {
        http_get(c, get);
    }
    if let Some(socket) = &probe.tcp_socket {
        port(c, socket.port, socket.at);
    }
    if let Some(grpc) = &probe.grpc
        && let Some(number) = grpc.port
    {
        c.port(number);
    }
    if let Some(exec) = &probe.exec
        && (exec.command.is_empty() || exec.command.iter().any(|part| part.value.is_empty()))
    {
        let message = "the probe has no command, or an empty part of one";
        c.require(exec.at, "command", message, "write `command`");
    }
}

fn http_get(c: &mut Validator<'_>, get: &HttpGet) {
    port(c, get.port, get.at);
    if let Some(scheme) = &get.scheme
        && !matches!(scheme.value.as_str(), "" | "HTTP" | "HTTPS")
    {
        let message = format!("`{}` is no scheme of a probe", shorten(&scheme.value));
        c.reject(scheme.at, message, "write HTTP or HTTPS");
    }
    for header in &get.http_headers {
        let name = header.name.as_ref().map_or("", |name| name.value.as_str());
        if !is_header_name(name) {
            let message = format!("`{}` is no header's name", shorten(name));
            c.reject(header.at, message, "use letters, digits, `-` and `_`");
        }
    }
}

fn port(c: &mut Validator<'_>, port: UInt, at: NodeId) {
    match port {
        Some(port) => c.port(port),
        None => c.require(at, "port", "the probe has no port", "write `port`"),
    }
}
