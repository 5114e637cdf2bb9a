use super::CoverageReport;
use crate::istio::api::envoy_filter::{
    ApplyTo, ConfigPatch, Context, EnvoyFilter, Operation, PatchMatch,
};
use crate::istio::api::field_validation::FieldValidation;
use crate::istio::api::fields::read::{NodeRef, Reader, Text};
use crate::istio::api::local_rate_limit::{LocalRateLimit, VirtualHostLimits};
use crate::istio::diagnostics::finding::Findings;
use crate::istio::syntax::tree::{NodeId, Tree};
use crate::istio::translation::limits::read_actions;
use crate::istio::validation::says_what_counts;
use crate::istio::validation::{find_limits, read_limit};

pub(super) fn envoy_filter(filter: &EnvoyFilter, reader: &mut Reader<'_>) {
    let tree = reader.tree;
    let idle = &mut CoverageReport(reader.findings);
    if let Some(target) = filter.target_refs.0.iter().flatten().next() {
        let effect = "the filter applies to all workloads of its namespace and selector";
        idle.warn(target.at, "targetRefs", effect, "write `workloadSelector`");
    }
    for patch in filter.config_patches.0.iter().flatten() {
        config_patch(patch, tree, idle);
    }
}

fn config_patch(patch: &ConfigPatch, tree: &Tree, idle: &mut CoverageReport<'_>) {
    let Some(NodeRef(value)) = patch.patch.as_ref().and_then(|patch| patch.value) else {
        return;
    };
    let apply_to = patch.apply_to.map(|apply| apply.value);
    let configs = find_limits(apply_to, value, tree);
    if configs.is_empty() && !says_what_counts(patch, tree) {
        // An unknown patch has a finding of its own, as a whole.
        return;
    }
    scope(patch, idle);
    actions(tree, value, idle);
    if let Some(route) = tree.child(value, "route") {
        actions(tree, route, idle);
    }
    for config in configs {
        let mut findings = Findings::default();
        let mut reader = Reader {
            tree,
            findings: &mut findings,
            envoy: true,
            above: Vec::new(),
            validation: FieldValidation::Strict,
        };
        // Its errors were reported by the validation.
        if let Some(limit) = read_limit(config, &mut reader) {
            local_rate_limit(&limit, idle);
            actions(tree, limit.at, idle);
        }
    }
}

/// Reports the parts of a patch's target that have no effect.
fn scope(patch: &ConfigPatch, idle: &mut CoverageReport<'_>) {
    let operation = patch.patch.as_ref().and_then(|patch| patch.operation);
    let is_filter = patch
        .apply_to
        .is_some_and(|apply| apply.value == ApplyTo::HttpFilter);
    if let Some(operation) = operation
        && is_filter
        && matches!(
            operation.value,
            Operation::Merge | Operation::MergeAndReplaceList | Operation::Replace
        )
    {
        let effect = "it is a limit of its own, beside those of other patches";
        idle.warn(
            operation.at,
            "operation",
            effect,
            "write `INSERT_FIRST`, in one patch",
        );
    }
    let Some(matches) = &patch.matches else {
        return;
    };
    if let Some(context) = matches
        .context
        .filter(|context| context.value == Context::Waypoint)
    {
        idle.warn(
            context.at,
            "context",
            "there are no waypoints: no requests are limited",
            "write SIDECAR_INBOUND",
        );
    }
    if let Some(proxy) = &matches.proxy {
        idle.note(
            proxy.at,
            "proxy",
            "the patch applies regardless of the proxy",
        );
    }
    for (name, at) in narrower(matches) {
        if let Some(at) = at {
            let effect = "the patch applies as if this field were not set";
            idle.note(at, name, effect);
        }
    }
}

/// Selectors of listeners and routes that Envoy supports and this crate does not.
fn narrower(matches: &PatchMatch) -> [(&'static str, Option<NodeId>); 12] {
    let listener = matches.listener.as_ref();
    let chain = listener.and_then(|listener| listener.filter_chain.as_ref());
    let routes = matches.route_configuration.as_ref();
    let route = routes.and_then(|routes| routes.vhost.as_ref()?.route.as_ref());
    let at = |text: Option<&Text>| Some(text?.as_ref()?.at);
    [
        ("name", at(listener.map(|one| &one.name))),
        ("portName", at(listener.map(|one| &one.port_name))),
        (
            "listenerFilter",
            at(listener.map(|one| &one.listener_filter)),
        ),
        ("name", at(chain.map(|one| &one.name))),
        ("sni", at(chain.map(|one| &one.sni))),
        (
            "transportProtocol",
            at(chain.map(|one| &one.transport_protocol)),
        ),
        (
            "transportSocket",
            at(chain.map(|one| &one.transport_socket)),
        ),
        (
            "applicationProtocols",
            at(chain.map(|one| &one.application_protocols)),
        ),
        (
            "destinationPort",
            chain
                .and_then(|one| one.destination_port)
                .map(|port| port.at),
        ),
        ("portName", at(routes.map(|one| &one.port_name))),
        (
            "action",
            route.and_then(|one| one.action).map(|action| action.at),
        ),
        (
            "cluster",
            matches.cluster.as_ref().map(|cluster| cluster.at),
        ),
    ]
}

fn actions(tree: &Tree, at: NodeId, idle: &mut CoverageReport<'_>) {
    let limits = tree
        .child(at, "rate_limits")
        .or_else(|| tree.child(at, "rateLimits"));
    let Some(limits) = limits else { return };
    let mut unknown = Vec::new();
    read_actions(tree, limits, &mut unknown);
    for (at, name) in unknown {
        let effect = "its descriptor is made of no request: what it would count goes uncounted";
        let help = "use generic_key, header_value_match, request_headers, remote_address, query_parameters or query_parameter_value_match";
        idle.warn(at, &name, effect, help);
    }
}

fn local_rate_limit(limit: &LocalRateLimit, idle: &mut CoverageReport<'_>) {
    if let Some(NodeRef(at)) = limit.local_cluster_rate_limit {
        let effect = "each process has the full limit";
        idle.warn(
            at,
            "local_cluster_rate_limit",
            effect,
            "write each replica's part of the limit",
        );
    }
    if let Some(each) = limit
        .local_rate_limit_per_downstream_connection
        .filter(|flag| flag.value)
    {
        let effect = "each client address has a bucket, not each connection";
        idle.note(
            each.at,
            "local_rate_limit_per_downstream_connection",
            effect,
        );
    }
    if let Some(limits) = limit.vh_rate_limits
        && limits.value != VirtualHostLimits::Override
    {
        let effect = "the actions of a route replace those of its virtual host";
        idle.warn(
            limits.at,
            "vh_rate_limits",
            effect,
            "write all actions at the route",
        );
    }
    let mut fractions = limit.filter_enabled.iter().chain(&limit.filter_enforced);
    let key = fractions.find_map(|fraction| {
        fraction.default_value.as_ref()?;
        fraction.runtime_key.as_ref()
    });
    if let Some(key) = key {
        let effect = "the default value holds: there is no runtime to ask";
        idle.note(key.at, "runtime_key", effect);
    }
    let added = &limit.request_headers_to_add_when_not_enforced;
    for option in added.iter().chain(&limit.response_headers_to_add) {
        let value = option
            .header
            .as_ref()
            .and_then(|header| header.value.as_ref());
        let raw = option
            .header
            .as_ref()
            .and_then(|header| header.raw_value.as_ref());
        if let Some(raw) = raw {
            let effect = "the header is sent without a value";
            idle.warn(raw.at, "raw_value", effect, "write `value`");
        }
        if let Some(value) = value.filter(|value| value.value.replace("%%", "").contains('%')) {
            let effect = "the value is sent as it stands: nothing is filled in";
            idle.note(value.at, "value", effect);
        }
    }
}
