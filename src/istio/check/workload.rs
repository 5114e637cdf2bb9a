//! The kinds that describe workloads outside the cluster.

use super::Check;
use super::endpoints;
use super::names::is_header_name;
use crate::istio::kinds::workload::{HttpGet, Probe, Workload, WorkloadGroup};
use crate::istio::read::{UInt, shorten};
use crate::istio::tree::At;

pub(super) fn workload_entry(c: &mut Check<'_>, entry: &Workload) {
    endpoints::workload(c, entry, true);
}

pub(super) fn workload_group(c: &mut Check<'_>, group: &WorkloadGroup) {
    match &group.template {
        Some(template) => {
            if let Some(address) = &template.address {
                c.refuse(address.at, "a template has no address", "remove it");
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

fn probe(c: &mut Check<'_>, probe: &Probe) {
    let ways = [
        probe.http_get.is_some(),
        probe.tcp_socket.is_some(),
        probe.exec.is_some(),
        probe.grpc.is_some(),
    ];
    if ways.iter().filter(|way| **way).count() != 1 {
        let what = "a probe has one of `httpGet`, `tcpSocket`, `exec` and `grpc`";
        c.refuse(probe.at, what, "write one of them");
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
        let what = "the probe has no command, or an empty part of one";
        c.require(exec.at, "command", what, "write `command`");
    }
}

fn http_get(c: &mut Check<'_>, get: &HttpGet) {
    port(c, get.port, get.at);
    if let Some(scheme) = &get.scheme
        && !matches!(scheme.value.as_str(), "" | "HTTP" | "HTTPS")
    {
        let what = format!("`{}` is no scheme of a probe", shorten(&scheme.value));
        c.refuse(scheme.at, what, "write HTTP or HTTPS");
    }
    for header in &get.http_headers {
        let name = header.name.as_ref().map_or("", |name| name.value.as_str());
        if !is_header_name(name) {
            let what = format!("`{}` is no header's name", shorten(name));
            c.refuse(header.at, what, "use letters, digits, `-` and `_`");
        }
    }
}

fn port(c: &mut Check<'_>, port: UInt, at: At) {
    match port {
        Some(port) => c.port(port),
        None => c.require(at, "port", "the probe has no port", "write `port`"),
    }
}
