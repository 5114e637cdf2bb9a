//! The kinds that describe workloads outside the cluster.

use super::endpoints;
use crate::istio::api::workload::{HttpGet, Probe, Workload, WorkloadGroup};
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::Validator;
use crate::istio::validation::names::is_header_name;

pub(in crate::istio::validation) fn workload_entry(c: &mut Validator<'_>, entry: &Workload) {
    endpoints::workload(c, entry, true);
}

pub(in crate::istio::validation) fn workload_group(c: &mut Validator<'_>, group: &WorkloadGroup) {
    if let Some(template) = &group.template {
        if let Some(address) = &template.address {
            c.reject(address.at, "a template cannot have an address", "remove it");
        }
        endpoints::ports(c, template);
        c.labels(&template.labels);
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
    if let Some(exec) = &probe.exec
        && (exec.command.is_empty() || exec.command.iter().any(|part| part.value.is_empty()))
    {
        let message = "the probe has no command, or an empty part of one";
        c.require(exec.at, "command", message, "write `command`");
    }
}

fn http_get(c: &mut Validator<'_>, get: &HttpGet) {
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
