use super::super::AnalysisReport;
use super::super::context::AnalysisContext;
use crate::istio::api::fields::read::Spanned;
use crate::istio::api::security::AuthorizationPolicy;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::diagnostics::suggest::misspelt;
use crate::istio::syntax::shorten::shorten;

/// Namespaces that a policy names, and that are not among those that the documents show.
pub(super) fn namespaces(
    index: usize,
    policy: &AuthorizationPolicy,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let known = &context.cluster.namespaces;
    if known.is_empty() {
        return;
    }
    let rules = policy
        .rules
        .iter()
        .flat_map(|rules| rules.rows.iter().flatten());
    let from = rules.flat_map(|rule| rule.from.iter().flat_map(|from| from.rows.iter().flatten()));
    for source in from.filter_map(|from| from.source.as_ref()) {
        for name in source.namespaces.iter().chain(&source.not_namespaces) {
            if !context.spend(known.len()) {
                return;
            }
            if !known.iter().any(|known| fits(&name.value, known)) {
                let near = misspelt(&name.value, known.iter().copied());
                advice.push(index, unknown(name, near));
            }
        }
    }
}

fn unknown(name: &Spanned<String>, near: Option<&str>) -> Finding {
    Finding::warning(Code::ReferenceNotFound, name.at)
        .message(format!("no Namespace here is `{}`", shorten(&name.value)))
        .effect("the rule fits callers of no namespace that the documents show")
        .in_istio("`istioctl analyze` reports it, unless the cluster has the namespace")
        .help(near.map_or_else(
            || "name a namespace that there is, or add its document".to_owned(),
            |near| format!("did you mean `{near}`?"),
        ))
}

fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => pattern.eq_ignore_ascii_case(name),
    }
}
