use super::CoverageReport;
use super::declared::declared;
use crate::istio::api::envoy_filter::{ApplyTo, ConfigPatch, EnvoyFilter, Operation};
use crate::istio::api::field_validation::FieldValidation;
use crate::istio::api::fields::read::{NodeRef, Read, Reader};
use crate::istio::api::local_rate_limit::LocalRateLimit;
use crate::istio::diagnostics::finding::Findings;
use crate::istio::syntax::tree::{NodeId, Tree};
use crate::istio::translation::limits::read_actions;
use crate::istio::validation::says_what_counts;
use crate::istio::validation::{find_limits, read_limit};

/// Reports what has no effect in patches; returns those that are none of a limit, each of which has a finding
/// of its own, as a whole.
pub(super) fn envoy_filter(
    filter: &EnvoyFilter,
    tree: &Tree,
    idle: &mut CoverageReport<'_>,
) -> Vec<NodeId> {
    let patches = filter.config_patches.0.iter().flatten();
    let others = patches.filter(|patch| !config_patch(patch, tree, idle));
    others.map(|patch| patch.at).collect()
}

/// Returns true if the patch is one of a local rate limit.
fn config_patch(patch: &ConfigPatch, tree: &Tree, idle: &mut CoverageReport<'_>) -> bool {
    let Some(NodeRef(value)) = patch.patch.as_ref().and_then(|patch| patch.value) else {
        return false;
    };
    let apply_to = patch.apply_to.map(|apply| apply.value);
    let configs = find_limits(apply_to, value, tree);
    if configs.is_empty() && !says_what_counts(patch, tree) {
        return false;
    }
    operation(patch, idle);
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
            declared(LocalRateLimit::TYPE, limit.at, &[], tree, idle);
            actions(tree, limit.at, idle);
        }
    }
    true
}

/// Reports an operation that changes the filter of another patch.
fn operation(patch: &ConfigPatch, idle: &mut CoverageReport<'_>) {
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
        let help = "write `INSERT_FIRST`, in one patch";
        idle.warn(operation.at, "operation", effect, help);
    }
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
