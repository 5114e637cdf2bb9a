pub(in crate::istio::validation) mod counted;
pub(in crate::istio::validation) mod object_match;
pub(in crate::istio::validation) mod rate_limit;

use super::security::selector;
use crate::istio::api::envoy_filter::{
    ApplyTo, ConfigPatch, Context, EnvoyFilter, Operation, PatchMatch,
};
use crate::istio::api::fields::read::Reader;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::tree::{NodeId, Tree};

pub(super) fn envoy_filter(filter: &EnvoyFilter, reader: &mut Reader<'_>) {
    if let Some(selector) = &filter.workload_selector {
        selector::selector(&selector.labels, selector.at, reader.findings);
        if !filter.target_refs.0.is_empty() {
            let message = "a filter has one of `workloadSelector` and `targetRefs`";
            refuse(selector.at, message, "keep one of them", reader);
        }
    }
    if filter.config_patches.0.is_empty() {
        super::empty::no_patches(filter.at, "configPatches", reader.findings);
    }
    let has_priority = filter.priority.is_some_and(|priority| priority.value != 0);
    let mut relative = None;
    for patch in &filter.config_patches.0 {
        let Some(patch) = patch else {
            refuse(filter.at, "a patch is null", "write or remove it", reader);
            continue;
        };
        config_patch(patch, reader);
        let operation = patch.patch.as_ref().and_then(|patch| patch.operation);
        let apply_to = patch.apply_to.map_or(ApplyTo::Invalid, |apply| apply.value);
        // What Istio ignores is relative to nothing.
        let acts = operation.filter(|operation| misuse(operation.value, apply_to).is_none());
        let is_relative = acts.is_some_and(|operation| {
            matches!(
                operation.value,
                Operation::InsertBefore
                    | Operation::InsertAfter
                    | Operation::Replace
                    | Operation::Remove
            )
        });
        // Without a priority the order is by creation time, so the reference may not exist yet.
        if is_relative && !has_priority {
            relative = relative.or_else(|| operation.map(|operation| operation.at));
            let proxy = patch.matches.as_ref().and_then(|one| one.proxy.as_ref());
            if let (Some(operation), true) =
                (operation, proxy.is_some_and(|p| p.proxy_version.is_some()))
            {
                reader.findings.push(
                    Finding::warning(Code::RelativeOperationVersion, operation.at)
                        .message(
                            "the patch is relative to others, and restricted to one proxy version",
                        )
                        .effect("there is no proxy: the version has no effect")
                        .in_istio("it may not be applied, since other filters may be patched later")
                        .help("write `priority`, or `operation: INSERT_FIRST`"),
                );
            }
        }
    }
    if let Some(at) = relative {
        reader.findings.push(
            Finding::warning(Code::RelativeOperation, at)
                .message("the patch is relative to other filters, and has no `priority`")
                .effect("the order has no effect: there are no other filters")
                .in_istio("it may not be applied, since other filters may be patched later")
                .help("write `priority: 10` below `spec`, or `operation: INSERT_FIRST`"),
        );
    }
}

fn refuse(at: NodeId, message: &str, help: &str, reader: &mut Reader<'_>) {
    let finding = Finding::rejected(at).message(message).help(help);
    reader.findings.push(finding);
}

fn config_patch(patch: &ConfigPatch, reader: &mut Reader<'_>) {
    let apply_to = patch.apply_to.map_or(ApplyTo::Invalid, |apply| apply.value);
    if apply_to == ApplyTo::Invalid {
        let finding = Finding::rejected(patch.at).missing("applyTo");
        let finding = finding.message("the patch has no `applyTo`");
        reader
            .findings
            .push(finding.help("write `applyTo: HTTP_FILTER`"));
    }
    if let Some(one) = &patch.matches {
        patch_match(one, reader);
    }
    let operation = patch.patch.as_ref().and_then(|patch| patch.operation);
    match operation {
        Some(operation) if operation.value != Operation::Invalid => {
            misused(operation.value, apply_to, operation.at, reader);
        }
        // One that cannot be read was refused.
        _ if is_written(patch, reader.tree) => {}
        _ => {
            let finding = Finding::rejected(patch.at).missing("patch.operation");
            let finding = finding.message("the patch does not say what it does");
            let help = "write `patch: {operation: INSERT_FIRST, value: …}`";
            reader.findings.push(finding.at_key().help(help));
        }
    }
    if let Some(one) = &patch.matches {
        object_match::object_match(one, apply_to, reader);
    }
    rate_limit::patch(patch, reader);
}

fn is_written(patch: &ConfigPatch, tree: &Tree) -> bool {
    let at = patch.patch.as_ref().map(|patch| patch.at);
    let operation = at.and_then(|at| tree.child(at, "operation"));
    operation.is_some_and(|at| tree.text(at) != Some("INVALID"))
}

fn patch_match(one: &PatchMatch, reader: &mut Reader<'_>) {
    let context = one.context.map_or(Context::Any, |context| context.value);
    let is_other =
        one.listener.is_some() || one.route_configuration.is_some() || one.cluster.is_some();
    if one.waypoint.is_some() && context != Context::Waypoint {
        let finding = Finding::rejected(one.at).message("`waypoint` requires the context WAYPOINT");
        reader
            .findings
            .push(finding.help("write `context: WAYPOINT`"));
    } else if context == Context::Waypoint && (is_other || one.waypoint.is_none()) {
        let message = "the context WAYPOINT is matched by `waypoint`";
        refuse(one.at, message, "write `waypoint`", reader);
    }
    let ports = [
        one.waypoint
            .as_ref()
            .and_then(|waypoint| waypoint.port_number),
        one.listener
            .as_ref()
            .and_then(|listener| listener.port_number),
    ];
    for port in ports.into_iter().flatten() {
        if !(1..=65_535).contains(&port.value) {
            let finding = Finding::rejected(port.at).message("this is not a port");
            reader
                .findings
                .push(finding.help("write a port from 1 to 65535"));
        }
    }
}

/// Returns why an operation is ignored for what it is applied to.
fn misuse(operation: Operation, apply_to: ApplyTo) -> Option<(Code, &'static str)> {
    let is_route = matches!(apply_to, ApplyTo::RouteConfiguration | ApplyTo::HttpRoute);
    let can_be_replaced = matches!(
        apply_to,
        ApplyTo::HttpFilter | ApplyTo::NetworkFilter | ApplyTo::VirtualHost
    );
    match operation {
        Operation::Replace if !can_be_replaced => Some((
            Code::ReplaceMisused,
            "`REPLACE` is for HTTP_FILTER, NETWORK_FILTER and VIRTUAL_HOST only",
        )),
        Operation::Add if is_route => Some((Code::AddMisused, "`ADD` is ignored for routes")),
        Operation::Remove if is_route => {
            Some((Code::RemoveMisused, "`REMOVE` is ignored for routes"))
        }
        _ => None,
    }
}

fn misused(operation: Operation, apply_to: ApplyTo, at: NodeId, reader: &mut Reader<'_>) {
    let Some((code, message)) = misuse(operation, apply_to) else {
        return;
    };
    reader.findings.push(
        Finding::warning(code, at)
            .message(message)
            .effect("the patch has no effect")
            .in_istio("Istio ignores it")
            .help("write another `operation`"),
    );
}
