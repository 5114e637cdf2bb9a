//! The kinds that describe workloads and proxies.

use super::Check;
use super::names::is_header_name;
use super::security::{attachment, is_empty};
use super::{endpoints, service_entry};
use crate::istio::code::Code;
use crate::istio::finding::Finding;
use crate::istio::kinds::sidecar::Sidecar;
use crate::istio::kinds::telemetry::{ProviderRef, TagOperation, Telemetry};
use crate::istio::kinds::workload::{Workload, WorkloadGroup};
use crate::istio::read::{Nullable, shorten};
use crate::istio::tree::{At, Value};

pub(super) fn workload_entry(c: &mut Check<'_>, entry: &Workload) {
    endpoints::workload(c, entry, true);
}

pub(super) fn workload_group(c: &mut Check<'_>, group: &WorkloadGroup) {
    match &group.template {
        Some(template) => {
            if let Some(address) = &template.address {
                c.refuse(address.at, "a template has no address", "remove it");
            }
            c.labels(&template.labels);
        }
        None => c.require(
            group.at,
            "template",
            "the group has no template",
            "write `template`",
        ),
    }
    let get = group
        .probe
        .as_ref()
        .and_then(|probe| probe.http_get.as_ref());
    let Some(get) = get else { return };
    match get.port {
        Some(port) => c.port(port),
        None => c.require(get.at, "port", "the probe has no port", "write `port`"),
    }
    for header in &get.http_headers {
        let name = header.name.as_ref().map_or("", |name| name.value.as_str());
        if !is_header_name(name) {
            let what = format!("`{}` is no header's name", shorten(name));
            c.refuse(header.at, what, "use letters, digits, `-` and `_`");
        }
    }
}

pub(super) fn sidecar(c: &mut Check<'_>, sidecar: &Sidecar) {
    if let Some(selector) = &sidecar.workload_selector {
        c.labels(&selector.labels);
    }
    c.connection_pool(sidecar.inbound_connection_pool.as_ref());
    let policy = sidecar.outbound_traffic_policy.as_ref();
    if let Some(proxy) = policy.and_then(|policy| policy.egress_proxy.as_ref()) {
        c.findings.push(
            Finding::warning(Code::Deprecated, proxy.at)
                .at_key()
                .what("`egressProxy` is deprecated")
                .here("it has no effect: the Sidecar is checked only")
                .istio("`istioctl analyze` warns of it too")
                .mend("route such hosts to a gateway by a VirtualService"),
        );
    }
    for listener in sidecar.ingress.0.iter().flatten() {
        match &listener.port {
            Some(port) => service_entry::service_port(c, port, false),
            None => c.require(
                listener.at,
                "port",
                "the listener has no port",
                "write `port`",
            ),
        }
        if let Some(tls) = &listener.tls {
            super::gateway::server_tls(c, tls);
        }
        c.connection_pool(listener.connection_pool.as_ref());
    }
    for listener in sidecar.egress.0.iter().flatten() {
        if listener.hosts.is_empty() {
            c.require(
                listener.at,
                "hosts",
                "the listener has no host",
                "write `hosts: [\"*/*\"]`",
            );
        }
        for host in &listener.hosts {
            if !host.value.contains('/') {
                let what = format!("`{}` is no `namespace/host`", shorten(&host.value));
                c.refuse(
                    host.at,
                    what,
                    "write `./host`, `*/host` or `namespace/host`",
                );
            }
        }
    }
}

pub(super) fn telemetry(c: &mut Check<'_>, telemetry: &Telemetry) {
    attachment(
        c,
        telemetry.selector.as_ref(),
        telemetry.target_ref.as_ref(),
        &telemetry.target_refs,
    );
    for tracing in telemetry.tracing.0.iter().flatten() {
        providers(c, &tracing.providers, tracing.at);
        if let Some(percent) = tracing.random_sampling_percentage
            && !(0.0..=100.0).contains(&percent.value)
        {
            c.refuse(
                percent.at,
                "a percentage is from 0 to 100",
                "write 0 to 100",
            );
        }
    }
    for metrics in telemetry.metrics.0.iter().flatten() {
        providers(c, &metrics.providers, metrics.at);
        c.time(&metrics.reporting_interval);
        for one in metrics.overrides.0.iter().flatten() {
            for (name, tag) in &one.tag_overrides {
                let operation = tag.as_ref().and_then(|tag| tag.operation);
                let operation = operation.map_or(TagOperation::Upsert, |o| o.value);
                let has_value = tag.as_ref().is_some_and(|tag| !is_empty(&tag.value));
                match (operation, has_value) {
                    (TagOperation::Upsert, false) => {
                        c.refuse(name.at, "a tag that is set needs a value", "write `value`");
                    }
                    (TagOperation::Remove, true) => {
                        c.refuse(name.at, "a tag that is removed has a value", "remove it");
                    }
                    _ => {}
                }
            }
        }
    }
    for logging in telemetry.access_logging.0.iter().flatten() {
        providers(c, &logging.providers, logging.at);
        let says_none = c.tree.child(logging.at, "providers").is_none();
        if says_none && !logging.disabled.is_some_and(|disabled| disabled.value) {
            c.findings.push(
                Finding::warning(Code::EmptyProviders, logging.at)
                    .missing("providers")
                    .what("the access log names no provider")
                    .here("it has no effect")
                    .istio("Istio ignores it, unless the configuration of the mesh names default providers")
                    .mend("name a provider, such as `providers: [{name: envoy}]`"),
            );
        }
    }
}

fn providers(c: &mut Check<'_>, providers: &Nullable<ProviderRef>, at: At) {
    for provider in providers.0.iter().flatten() {
        if let Some(name) = provider
            .name
            .as_ref()
            .filter(|name| name.value == "lightstep")
        {
            c.findings.push(
                Finding::warning(Code::Deprecated, name.at)
                    .what("the provider `lightstep` is deprecated")
                    .here("it has no effect")
                    .istio("its proxies can no longer send traces to it")
                    .mend("use a provider of OpenTelemetry"),
            );
        }
        if is_empty(&provider.name) {
            c.require(
                provider.at,
                "name",
                "the provider has no name",
                "write `name`",
            );
        }
    }
    // An empty list says something else than none.
    if let Some(list) = c.tree.child(at, "providers")
        && matches!(c.tree.value(list), Value::List(items) if items.is_empty())
    {
        c.findings.push(
            Finding::warning(Code::EmptyProviders, list)
                .what("the list of providers is empty")
                .here("it has no effect")
                .istio("Istio ignores it")
                .mend("name a provider, or remove the list"),
        );
    }
}
