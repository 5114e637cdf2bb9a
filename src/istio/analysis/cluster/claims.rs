use super::super::AnalysisReport;
use super::super::context::AnalysisContext;
use super::super::gateways::split;
use super::Labels;
use crate::istio::api::fields::read::Spanned;
use crate::istio::api::gateway::Gateway;
use crate::istio::api::security::RequestAuthentication;
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::model::spec::Spec;
use crate::istio::syntax::shorten::shorten;

/// Prefix of a header match that names a claim of a token.
const CLAIM: &str = "@request.auth.claims";
/// The namespace whose policies are for all.
const ROOT: &str = "istio-system";

/// Routes by claims of a token, at gateways where no token is verified.
pub(super) fn claims(
    index: usize,
    service: &VirtualService,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let Some(claim) = claim(service) else { return };
    let own = context.namespace(index);
    for gateway in service.gateways.iter().filter(|one| one.value != "mesh") {
        let (namespace, name) = split(&gateway.value, own);
        let Some(found) = context.gateway(namespace, name) else {
            continue;
        };
        if !is_verified(found, namespace, context) {
            let message = format!(
                "the routes go by `{}`, and no RequestAuthentication here is for the gateway {namespace}/{name}",
                shorten(&claim.value)
            );
            advice.push(
                index,
                Finding::warning(Code::ClaimsNotVerified, claim.at)
                    .at_key()
                    .message(message)
                    .effect("no token is verified, so no request has the claim")
                    .in_istio("the same, unless the cluster has the RequestAuthentication")
                    .help("add a RequestAuthentication whose selector is the gateway's, in its namespace"),
            );
        }
    }
}

fn claim(service: &VirtualService) -> Option<&Spanned<String>> {
    let routes = service.http.0.iter().flatten();
    let matches = routes.flat_map(|route| route.matches.0.iter().flatten());
    let mut headers = matches.flat_map(|one| one.headers.iter().chain(&one.without_headers));
    headers.find_map(|(name, _)| name.value.starts_with(CLAIM).then_some(name))
}

fn is_verified(gateway: &Gateway, namespace: &str, context: &AnalysisContext<'_>) -> bool {
    let selector = Labels::of(&gateway.selector);
    if !context.spend(context.objects.len()) {
        return true;
    }
    let policies = context
        .objects
        .iter()
        .filter_map(|parsed| match &parsed.object.spec {
            Some(Spec::RequestAuthentication(policy)) => {
                Some((parsed.object.namespace.as_str(), wanted(policy)))
            }
            _ => None,
        });
    let policies: Vec<_> = policies.collect();
    let is_for = |namespace: &str, labels: &Labels<'_>| {
        let mut near = policies
            .iter()
            .filter(|(of, _)| *of == namespace || *of == ROOT);
        near.any(|(_, wanted)| wanted.select(labels))
    };
    let pods = context.selected(None, &selector).unwrap_or_default();
    if pods.is_empty() {
        return is_for(namespace, &selector);
    }
    !context.spend(pods.len().saturating_mul(policies.len()))
        || pods.iter().all(|place| {
            let pod = &context.cluster.workloads[*place];
            is_for(pod.namespace, &pod.labels)
        })
}

fn wanted(policy: &RequestAuthentication) -> Labels<'_> {
    let selector = policy.selector.as_ref();
    selector.map_or_else(Labels::default, |selector| {
        Labels::of(&selector.match_labels)
    })
}
