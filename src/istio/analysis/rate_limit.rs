use super::AnalysisReport;
use crate::istio::api::envoy_filter::{ApplyTo, ConfigPatch, Context, EnvoyFilter};
use crate::istio::api::fields::read::NodeRef;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::model::load::parsed_object::ParsedObject;
use crate::istio::model::spec::Spec;
use crate::istio::syntax::tree::NodeId;
use crate::istio::validation::find_limits;
use crate::istio::validation::says_what_counts;

/// Reports limits of routes and virtual hosts without the filter itself, which Envoy ignores.
pub(super) fn rate_limits(units: &[ParsedObject], advice: &mut AnalysisReport) {
    let limits = || {
        units
            .iter()
            .enumerate()
            .flat_map(|(index, parsed)| of(index, parsed))
    };
    for (index, parsed) in units.iter().enumerate() {
        let counting = patches(parsed).filter(|patch| says_what_counts(patch, parsed.tree()));
        for patch in counting.filter(|_| limits().next().is_none()) {
            advice.push(index, uncounted(patch.at));
        }
    }
    let filters: Vec<Context> = limits()
        .filter(|(_, patch)| applies_to(patch, ApplyTo::HttpFilter))
        .map(|(_, patch)| context(patch))
        .collect();
    for (index, patch) in limits().filter(|(_, patch)| !applies_to(patch, ApplyTo::HttpFilter)) {
        let wanted = context(patch);
        let is_there = filters
            .iter()
            // `ANY` covers every context, so one side is enough.
            .any(|own| *own == wanted || *own == Context::Any || wanted == Context::Any);
        if !is_there {
            advice.push(
                index,
                Finding::warning(Code::LimitNotEnforced, patch.at)
                    .at_key()
                    .message("no patch adds the filter to the HTTP filter chain")
                    .effect("the limit is enforced regardless")
                    .in_istio("Envoy ignores the route's configuration of a filter that is not in the chain")
                    .help("add a patch with `applyTo: HTTP_FILTER` that inserts envoy.filters.http.local_ratelimit"),
            );
        }
    }
}

/// Actions of a route or a virtual host, without a local limit that would count by them.
fn uncounted(at: NodeId) -> Finding {
    Finding::warning(Code::UnknownFilter, at)
        .at_key()
        .message("the actions of `rate_limits` are for a filter that no patch here puts in")
        .effect("nothing is counted by them: only the local rate limit is known")
        .in_istio("the rate limit filters of its proxies count by them")
        .help("add a patch with `applyTo: HTTP_FILTER` that inserts envoy.filters.http.local_ratelimit")
}

fn patches(parsed: &ParsedObject) -> impl Iterator<Item = &ConfigPatch> {
    let filter: Option<&EnvoyFilter> = match &parsed.object.spec {
        Some(Spec::EnvoyFilter(filter)) => Some(filter),
        _ => None,
    };
    filter
        .into_iter()
        .flat_map(|filter| filter.config_patches.0.iter().flatten())
}

/// Returns the patches of an object that limit.
fn of(index: usize, parsed: &ParsedObject) -> impl Iterator<Item = (usize, &ConfigPatch)> {
    patches(parsed).filter_map(move |patch| {
        let NodeRef(value) = patch.patch.as_ref()?.value?;
        let apply_to = patch.apply_to.map(|apply| apply.value);
        let limits = !find_limits(apply_to, value, parsed.tree()).is_empty();
        limits.then_some((index, patch))
    })
}

fn applies_to(patch: &ConfigPatch, kind: ApplyTo) -> bool {
    patch.apply_to.is_some_and(|apply| apply.value == kind)
}

fn context(patch: &ConfigPatch) -> Context {
    let context = patch.matches.as_ref().and_then(|one| one.context);
    context.map_or(Context::Any, |context| context.value)
}
