use super::super::AnalysisReport;
use super::super::context::{AnalysisContext, full};
use super::Labels;
use crate::istio::api::destination_rule::{DestinationRule, Subset};
use crate::istio::api::service_entry::{Resolution, ServiceEntry};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::diagnostics::suggest::suggest;
use crate::istio::syntax::shorten::shorten;

/// Maximum number of endpoints per host that are compared; hosts with more get no finding about missing labels.
const MAX_ENDPOINTS: usize = 2_000;

/// Subsets whose labels no endpoint of the host has, where its endpoints or pods are among the documents.
pub(super) fn subsets(
    index: usize,
    rule: &DestinationRule,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let Some(host) = &rule.host else { return };
    if rule.subsets.0.is_empty() {
        return;
    }
    let name = full(&host.value, context.namespace(index));
    let entries = context.entries_of(&name);
    let known = if entries.is_empty() {
        pods(&name, context)
    } else {
        endpoints(entries)
    };
    let Some(known) = known else { return };
    for subset in rule.subsets.0.iter().flatten() {
        if !context.spend(known.len()) {
            return;
        }
        let wanted = Labels::of(&subset.labels).without_topology();
        if !wanted.is_empty() && !known.iter().any(|labels| wanted.select(labels)) {
            advice.push(index, unselected(subset, &wanted, &known));
        }
    }
}

/// Returns the labels of each endpoint; `None` if they are not what is called.
fn endpoints<'a>(entries: &[&'a ServiceEntry]) -> Option<Vec<Labels<'a>>> {
    let mut labels = Vec::new();
    for entry in entries {
        let resolution = entry.resolution.map_or(Resolution::None, |r| r.value);
        let is_by_name = matches!(resolution, Resolution::None | Resolution::DynamicDns);
        if is_by_name || entry.workload_selector.is_some() {
            return None;
        }
        let endpoints = entry.endpoints.0.iter().flatten();
        labels.extend(endpoints.map(|endpoint| Labels::of(&endpoint.labels)));
        if labels.len() > MAX_ENDPOINTS {
            return None;
        }
    }
    (labels.len() <= MAX_ENDPOINTS).then_some(labels)
}

/// Returns the labels of the pods of a Service; `None` if neither is among the documents.
fn pods<'a>(host: &str, context: &AnalysisContext<'a>) -> Option<Vec<Labels<'a>>> {
    let service = context.service(host)?;
    if service.selector.is_empty() {
        return None;
    }
    let pods = context.selected(Some(service.namespace), &service.selector)?;
    let pods = pods.iter().filter(|_| pods.len() <= MAX_ENDPOINTS);
    let labels = pods.map(|place| context.cluster.workloads[*place].labels.clone());
    let labels: Vec<_> = labels.collect();
    (!labels.is_empty()).then_some(labels)
}

fn unselected(subset: &Subset, wanted: &Labels<'_>, known: &[Labels<'_>]) -> Finding {
    let name = subset.name.as_ref().map_or("", |name| name.value.as_str());
    let at = subset.labels.first().map_or(subset.at, |(key, _)| key.at);
    // The label that no endpoint has, with the value that was meant.
    let missing = wanted
        .iter()
        .find(|(key, value)| known.iter().all(|labels| labels.get(key) != Some(*value)));
    let mut values: Vec<_> = missing
        .into_iter()
        .flat_map(|(key, _)| known.iter().filter_map(move |labels| labels.get(key)))
        .collect();
    values.sort_unstable();
    values.dedup();
    values.truncate(5);
    let near = missing.and_then(|(_, value)| suggest(value, values.iter().copied()));
    let help = match (missing, near) {
        (Some((key, _)), Some(near)) => format!("did you mean `{key}: {}`?", shorten(near)),
        (Some((key, _)), None) if !values.is_empty() => {
            let values = values.join(", ");
            format!("`{}` is {} there", shorten(key), shorten(&values))
        }
        _ => "give these labels to the endpoints that are meant".to_owned(),
    };
    Finding::warning(Code::SubsetSelectsNothing, at)
        .at_key()
        .message(format!(
            "no endpoint here has the labels of the subset `{}`: {}",
            shorten(name),
            shorten(&wanted.text())
        ))
        .effect("requests to this subset are answered with 503")
        .in_istio("Envoy answers 503 (no healthy upstream)")
        .help(help)
}
