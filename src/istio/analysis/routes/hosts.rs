use std::collections::BTreeMap;

use crate::istio::analysis::AnalysisReport;
use crate::istio::analysis::context::{AnalysisContext, full};
use crate::istio::api::fields::read::Spanned;
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::model::export::ExportTo;
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::{is_for_mesh, overlaps};

/// Maximum number of wildcards that are compared with each other.
const MAX_WILDCARDS: usize = 500;

/// A host of a virtual service.
struct Claim<'a> {
    index: usize,
    service: &'a VirtualService,
    host: &'a Spanned<String>,
}

/// Reports virtual services for the same host within the mesh: only one of them is used.
pub(in crate::istio::analysis) fn hosts(
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let mut seen: BTreeMap<String, Vec<Claim<'_>>> = BTreeMap::new();
    for (index, service) in &context.services {
        // What is not taken is in nothing's way.
        let is_taken = !context.objects[*index].findings.has_errors();
        if !is_taken || !is_for_mesh(&service.gateways) {
            continue;
        }
        let own = context.namespace(*index);
        for host in &service.hosts {
            let claims = seen.entry(full(&host.value, own).into_owned()).or_default();
            // Twice in one object is an error of its own.
            if claims.last().is_none_or(|last| last.index != *index) {
                claims.push(Claim {
                    index: *index,
                    service,
                    host,
                });
            }
        }
    }
    for claims in seen.values() {
        for claim in claims {
            let mut others = claims.iter().take(1_000);
            if let Some(other) = others.find(|other| conflicts(claim, other, context)) {
                advice.push(claim.index, conflict(claim.host, context, other.index));
            }
        }
    }
    wildcards(&seen, context, advice);
}

/// Wildcards of which one has all hosts of the other: the narrower one is used for those.
fn wildcards(
    seen: &BTreeMap<String, Vec<Claim<'_>>>,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let mut all: Vec<_> = seen
        .iter()
        .filter(|(host, _)| host.starts_with('*'))
        .collect();
    all.truncate(MAX_WILDCARDS);
    for (host, claims) in &all {
        let overlapping = all
            .iter()
            .filter(|(other, _)| other != host && overlaps(other, host));
        let others = overlapping
            .flat_map(|(_, others)| others.iter())
            .take(1_000);
        let others: Vec<_> = others.collect();
        for claim in *claims {
            if let Some(other) = others.iter().find(|other| conflicts(claim, other, context)) {
                advice.push(claim.index, overlapping_hosts(claim.host, other, context));
            }
        }
    }
}

/// Says whether two virtual services are for hosts of each other, where some namespace sees both.
fn conflicts(one: &Claim<'_>, other: &Claim<'_>, context: &AnalysisContext<'_>) -> bool {
    let [own, its] = [one, other].map(|claim| context.namespace(claim.index));
    !is_duplicate(context, one.index, other.index) && overlap(one.service, own, other.service, its)
}

fn overlapping_hosts(
    host: &Spanned<String>,
    other: &Claim<'_>,
    context: &AnalysisContext<'_>,
) -> Finding {
    let parsed = &context.objects[other.index];
    let name = format!("{}/{}", parsed.object.namespace, parsed.object.name);
    let (own, its) = (shorten(&host.value), shorten(&other.host.value));
    Finding::note(Code::ConflictingHosts, host.at)
        .message(format!(
            "the virtual service {name} is for `{its}`, which has hosts in common with `{own}`"
        ))
        .effect("for those, the narrower of the two is used")
        .in_istio("the same; `istioctl analyze` reports it as a conflict")
        .help("nothing has to be done if that is meant; else narrow one of them")
        .also_there(parsed.location())
}

fn is_duplicate(context: &AnalysisContext<'_>, one: usize, other: usize) -> bool {
    let [one, other] = [one, other].map(|index| &context.objects[index].object);
    (&one.namespace, &one.name) == (&other.namespace, &other.name)
}

fn conflict(host: &Spanned<String>, context: &AnalysisContext<'_>, other: usize) -> Finding {
    let parsed = &context.objects[other];
    let name = format!("{}/{}", parsed.object.namespace, parsed.object.name);
    let host_text = shorten(&host.value);
    Finding::warning(Code::ConflictingHosts, host.at)
        .message(format!(
            "the virtual service {name} also has the host `{host_text}`"
        ))
        .effect("only the older one is used: by creation time, otherwise by the order in the files")
        .in_istio("only the older one is used")
        .help("merge them into one, or narrow `exportTo`")
        .also_there(parsed.location())
}

/// Returns true if both are visible in some namespace.
fn overlap(one: &VirtualService, one_in: &str, two: &VirtualService, two_in: &str) -> bool {
    let shown = |service: &VirtualService, own| ExportTo::of(&service.export_to, own);
    shown(one, one_in).meets(&shown(two, two_in))
}
