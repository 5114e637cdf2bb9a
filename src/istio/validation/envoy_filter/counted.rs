//! The value of a patch, and the actions in it that tell what is counted.

use crate::istio::api::envoy_filter::{ApplyTo, ConfigPatch, Operation};
use crate::istio::api::fields::read::NodeRef;
use crate::istio::syntax::tree::{NodeId, Tree};

/// Says whether a patch tells what is counted: the `rate_limits` of a route or of a virtual host.
pub(crate) fn says_what_counts(patch: &ConfigPatch, tree: &Tree) -> bool {
    let apply_to = patch.apply_to.map(|apply| apply.value);
    let is_route = matches!(apply_to, Some(ApplyTo::HttpRoute | ApplyTo::VirtualHost));
    let value = value(patch).filter(|_| is_route);
    value.is_some_and(|value| {
        let places = [Some(value), tree.child(value, "route")];
        let mut places = places.into_iter().flatten();
        places.any(|place| either(tree, place, "rate_limits", "rateLimits").is_some())
    })
}

/// Returns the value that is put in; nothing of what is taken out.
pub(in crate::istio) fn value(patch: &ConfigPatch) -> Option<NodeId> {
    let patch = patch.patch.as_ref()?;
    let operation = patch.operation.map(|operation| operation.value);
    let NodeRef(value) = patch.value?;
    let puts_in = !matches!(operation, Some(Operation::Newer | Operation::Remove));
    puts_in.then_some(value)
}

/// Returns a field under either of its names.
pub(in crate::istio) fn either(
    tree: &Tree,
    at: NodeId,
    snake: &str,
    camel: &str,
) -> Option<NodeId> {
    tree.child(at, snake).or_else(|| tree.child(at, camel))
}
