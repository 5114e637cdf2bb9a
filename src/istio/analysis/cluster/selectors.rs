use std::collections::BTreeMap;

use super::super::AnalysisReport;
use super::super::context::AnalysisContext;
use super::Labels;
use crate::istio::api::fields::read::{Entries, Spanned};
use crate::istio::api::security::AuthorizationPolicy;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::model::kind::Kind;
use crate::istio::model::spec::Spec;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;

/// Each is compared with all others of its namespace, so that there is an end to it.
const MAX_COMPARED: usize = 1_000;
/// The namespace whose policies are for all.
const ROOT: &str = "istio-system";

/// An object of which each workload heeds one.
struct Chosen<'a> {
    index: usize,
    at: NodeId,
    selector: Labels<'a>,
    /// The places of the workloads that are selected, if any are among the documents.
    selected: Option<Vec<usize>>,
}

/// Sidecars and telemetries that select nothing, or the same workloads as others.
pub(super) fn selectors(context: &AnalysisContext<'_>, advice: &mut AnalysisReport) {
    let mut groups: BTreeMap<(Kind, &str), Vec<Chosen<'_>>> = BTreeMap::new();
    for (index, parsed) in context.objects.iter().enumerate() {
        let labels: Option<&Entries<Spanned<String>>> = match &parsed.object.spec {
            Some(Spec::Sidecar(sidecar)) => sidecar.workload_selector.as_ref().map(|s| &s.labels),
            Some(Spec::Telemetry(telemetry))
                if telemetry.target_ref.is_none() && telemetry.target_refs.0.is_empty() =>
            {
                telemetry.selector.as_ref().map(|s| &s.match_labels)
            }
            _ => continue,
        };
        let at = labels.and_then(|labels| Some(labels.first()?.0.at));
        let group = groups.entry((parsed.object.kind, context.namespace(index)));
        let selector = labels.map_or_else(Labels::default, Labels::of);
        let is_some = !selector.is_empty();
        let namespace = Some(context.namespace(index)).filter(|_| is_some);
        group.or_default().push(Chosen {
            index,
            at: at.unwrap_or(parsed.object.at),
            selected: namespace.and_then(|_| context.selected(namespace, &selector)),
            selector,
        });
    }
    for ((kind, namespace), group) in groups {
        for (place, one) in group.iter().enumerate() {
            if one.selected.as_ref().is_some_and(Vec::is_empty) {
                advice.push(one.index, nothing_selected(kind, one, namespace));
                continue;
            }
            let others = group.iter().take(MAX_COMPARED).enumerate();
            let mut others = others
                .filter(|(other, _)| *other != place)
                .map(|(_, other)| other);
            if let Some(other) = others.find(|other| meet(one, other, context)) {
                advice.push(one.index, conflict(kind, one, other, context));
            }
        }
    }
}

/// A policy for workloads that are not among those that the documents show.
pub(super) fn authorization(
    index: usize,
    policy: &AuthorizationPolicy,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let namespace = context.namespace(index);
    let is_for_all = namespace == ROOT;
    let labels = policy.selector.as_ref().map(|s| &s.match_labels);
    let is_attached = policy.target_ref.is_some() || !policy.target_refs.0.is_empty();
    if is_attached || is_for_all && labels.is_none() {
        return;
    }
    let selector = labels.map_or_else(Labels::default, Labels::of);
    let within = (!is_for_all).then_some(namespace);
    if context
        .selected(within, &selector)
        .is_none_or(|selected| !selected.is_empty())
    {
        return;
    }
    let at = labels.and_then(|labels| Some(labels.first()?.0.at));
    let message = if selector.is_empty() {
        format!(
            "no workload here is in the namespace {}",
            shorten(namespace)
        )
    } else {
        format!(
            "no workload here has the labels {}",
            shorten(&selector.text())
        )
    };
    advice.push(
        index,
        Finding::warning(
            Code::NoMatchingWorkloads,
            at.unwrap_or(context.objects[index].object.at),
        )
        .at_key()
        .message(message)
        .effect("it is for nothing that the documents show")
        .in_istio("the policy holds nowhere, unless the cluster has such a workload")
        .help("write labels that a workload has, or add its document"),
    );
}

fn meet(one: &Chosen<'_>, other: &Chosen<'_>, context: &AnalysisContext<'_>) -> bool {
    match (one.selector.is_empty(), other.selector.is_empty()) {
        (true, true) => true,
        (false, false) => {
            context.spend(1)
                && (one.selector == other.selector
                    || share(one.selected.as_deref(), other.selected.as_deref(), context))
        }
        // One for the others of a namespace, and one for some of it, is what both are for.
        _ => false,
    }
}

/// Says whether two lists of places, each in order, have one in common.
pub(super) fn share(
    one: Option<&[usize]>,
    other: Option<&[usize]>,
    context: &AnalysisContext<'_>,
) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return false;
    };
    let (few, many) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    context.spend(few.len()) && few.iter().any(|place| many.binary_search(place).is_ok())
}

fn nothing_selected(kind: Kind, one: &Chosen<'_>, namespace: &str) -> Finding {
    let labels = one.selector.text();
    Finding::warning(Code::ReferenceNotFound, one.at)
        .at_key()
        .message(format!(
            "no workload here has the labels {} in the namespace {}",
            shorten(&labels),
            shorten(namespace)
        ))
        .effect(format!("the {kind} is checked only"))
        .in_istio("it is for no workload, unless the cluster has one of these labels")
        .help("write labels that a workload of the namespace has, or add its document")
}

fn conflict(
    kind: Kind,
    one: &Chosen<'_>,
    other: &Chosen<'_>,
    context: &AnalysisContext<'_>,
) -> Finding {
    let (is_default, is_sidecar) = (one.selector.is_empty(), kind == Kind::Sidecar);
    let code = match (is_sidecar, is_default) {
        (true, true) => Code::SidecarsWithoutSelector,
        (true, false) => Code::ConflictingSidecars,
        (false, true) => Code::TelemetriesWithoutSelector,
        (false, false) => Code::ConflictingTelemetries,
    };
    let parsed = &context.objects[other.index];
    let name = format!("{}/{}", parsed.object.namespace, parsed.object.name);
    let message = if is_default {
        format!(
            "the {kind} {} is for all workloads of the namespace too",
            shorten(&name)
        )
    } else {
        format!("the {kind} {} selects the same workloads", shorten(&name))
    };
    Finding::warning(code, one.at)
        .at_key()
        .message(message)
        .effect(format!("the {kind} is checked only"))
        .in_istio("a workload heeds one of them, and which one is not defined")
        .help("merge them, or make their selectors select different workloads")
        .also_there(parsed.location())
}
