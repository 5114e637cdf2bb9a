use crate::istio::analysis::AnalysisReport;
use crate::istio::analysis::context::{AnalysisContext, full};
use crate::istio::api::destination_rule::DestinationRule;
use crate::istio::api::http_route::{Destination, HttpRoute};
use crate::istio::api::service_entry::ServiceEntry;
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::diagnostics::suggest::misspelt;
use crate::istio::syntax::shorten::shorten;

/// Reports subsets that no destination rule defines, and hash policies that weighted routes make
/// ineffective.
pub(in crate::istio::analysis) fn subsets(
    index: usize,
    service: &VirtualService,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let own = context.namespace(index);
    for route in service.http.0.iter().flatten() {
        let to = route
            .route
            .0
            .iter()
            .flatten()
            .filter_map(|r| r.destination.as_ref());
        let mirrors = route
            .mirrors
            .0
            .iter()
            .flatten()
            .filter_map(|m| m.destination.as_ref());
        for destination in to.chain(route.mirror.as_deref()).chain(mirrors) {
            subset(index, destination, own, context, advice);
        }
        hash_policy(index, route, own, context, advice);
    }
    for host in &service.hosts {
        let entry = context.entry(&full(&host.value, own));
        if let (Some(_), false) = (entry.filter(|e| is_all_tls(e)), service.http.0.is_empty()) {
            advice.push(
                index,
                Finding::warning(Code::HttpPolicyForTls, host.at)
                    .message(format!(
                        "`{}` uses TLS, and these are HTTP routes",
                        shorten(&host.value)
                    ))
                    .effect("the routes apply: requests are handled before encryption")
                    .in_istio("a sidecar sees encrypted bytes only: the routes have no effect")
                    .help("for Istio, call it by `http://` and originate TLS with a DestinationRule's `tls`"),
            );
        }
    }
}

/// Returns true if every port of a service entry carries TLS, so that a sidecar sees no HTTP.
pub(in crate::istio::analysis) fn is_all_tls(entry: &ServiceEntry) -> bool {
    let mut ports = entry.ports.0.iter().flatten().peekable();
    ports.peek().is_some()
        && ports.all(|port| {
            port.protocol.as_ref().is_some_and(|protocol| {
                ["https", "tls"]
                    .iter()
                    .any(|tls| protocol.value.eq_ignore_ascii_case(tls))
            })
        })
}

fn subset(
    index: usize,
    destination: &Destination,
    own: &str,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let (Some(host), Some(subset)) = (&destination.host, &destination.subset) else {
        return;
    };
    let rules = context.rules(&full(&host.value, own));
    if subset.value.is_empty() || has_subset(rules, &subset.value) {
        return;
    }
    let near = misspelt(&subset.value, names(rules));
    let (name, host) = (shorten(&subset.value), shorten(&host.value));
    let message = format!("no destination rule here has the subset `{name}` of `{host}`");
    advice.push(
        index,
        Finding::warning(Code::ReferenceNotFound, subset.at)
            .message(message)
            .effect("requests to this subset are answered with 503")
            .in_istio("Envoy answers 503 (no such cluster), unless the cluster has the rule")
            .help(near.map_or_else(
                || format!(
                    "add a DestinationRule for `{host}` with\nsubsets:\n- name: {name}\n  labels: {{version: {name}}}"
                ),
                |near| format!("did you mean `{}`?", shorten(near)),
            )),
    );
}

fn has_subset(rules: &[&DestinationRule], name: &str) -> bool {
    names(rules).any(|own| own == name)
}

fn names<'a>(rules: &'a [&DestinationRule]) -> impl Iterator<Item = &'a str> {
    let subsets = rules
        .iter()
        .flat_map(|rule| rule.subsets.0.iter().flatten());
    subsets.filter_map(|subset| Some(subset.name.as_ref()?.value.as_str()))
}

fn hash_policy(
    index: usize,
    route: &HttpRoute,
    own: &str,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let weighted = route.route.0.iter().flatten();
    if weighted
        .clone()
        .filter(|r| r.weight.is_some_and(|w| w.value > 0))
        .count()
        // A destination without a weight gets no requests.
        < 2
    {
        return;
    }
    let hash = weighted
        .filter_map(|r| r.destination.as_ref()?.host.as_ref())
        .flat_map(|host| context.rules(&full(&host.value, own)))
        .find(|rule| {
            let policy = rule.traffic_policy.as_ref();
            let balancer = policy.and_then(|policy| policy.load_balancer.as_ref());
            balancer.is_some_and(|balancer| balancer.consistent_hash.is_some())
        });
    if hash.is_some() {
        advice.push(
            index,
            Finding::warning(Code::HashPolicyWithWeights, route.at)
                .message("`consistentHash` applies within each weighted destination only")
                .effect("as in Istio: the destination is chosen at random for each request, and the hash within it")
                .in_istio("a user's next request may go to another version")
                .help("route users to a version by a header or a cookie"),
        );
    }
}
