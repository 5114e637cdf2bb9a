use crate::istio::analysis::AnalysisReport;
use crate::istio::api::fields::read::Spanned;
use crate::istio::api::http_route::{HttpMatch, TextMatch};
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::tree::NodeId;

/// Limit of the comparison, which is quadratic in the number of matches.
const MAX_MATCHES: usize = 2_000;

/// Reports unreachable routes and redundant matches.
pub(in crate::istio::analysis) fn overlap(
    index: usize,
    service: &VirtualService,
    advice: &mut AnalysisReport,
) {
    http(index, service, advice);
    let tls = service.tls.0.iter().flatten();
    others(
        index,
        advice,
        tls.map(|r| (r.at, r.matches.0.iter().flatten(), false)),
        |m| m.at,
    );
    let tcp = service.tcp.0.iter().flatten();
    others(
        index,
        advice,
        tcp.map(|r| (r.at, r.matches.0.iter().flatten(), r.matches.0.is_empty())),
        |m| m.at,
    );
}

fn http(index: usize, service: &VirtualService, advice: &mut AnalysisReport) {
    let mut all: Option<NodeId> = None;
    let mut seen: Vec<&HttpMatch> = Vec::new();
    for route in service.http.0.iter().flatten() {
        if let Some(all) = all {
            advice.push(index, unreachable(route.at, all));
            continue;
        }
        let matches: Vec<_> = route.matches.0.iter().flatten().collect();
        // No match, or a null one, accepts every request.
        if matches.len() < route.matches.0.len() || matches.is_empty() {
            all = Some(route.at);
            continue;
        }
        let mut covered = None;
        let mut count = 0;
        let mut adds_nothing = Vec::new();
        let before = seen.len();
        for one in &matches {
            let mut before = seen.iter().copied().take(MAX_MATCHES);
            if let Some(by) = before.find(|by| covers(by, one)) {
                count += 1;
                covered = Some(by.at);
                adds_nothing.push((one, by));
            }
            if seen.len() < MAX_MATCHES {
                seen.push(one);
            }
        }
        // A match covered within its own route does not make the route unreachable.
        let by_others = matches
            .iter()
            .all(|one| seen[..before].iter().any(|by| covers(by, one)));
        let is_unreachable = count == matches.len() && by_others;
        let is_same = |one, by| covers(by, one) && covers(one, by);
        let is_twice = matches
            .iter()
            .all(|one| seen[..before].iter().any(|by| is_same(one, by)));
        for (one, by) in adds_nothing {
            // Istio compares texts of one kind: what a prefix says of a whole path is known here only.
            let is_exact =
                |one: &HttpMatch| one.uri.as_ref().is_some_and(|uri| uri.exact.is_some());
            let finding = if is_exact(one) && !is_exact(by) {
                Finding::note
            } else {
                Finding::warning
            };
            let is_route = is_unreachable && !is_twice;
            advice.push(
                index,
                ineffective(finding(Code::IneffectiveMatch, one.at), by.at, is_route),
            );
        }
        if let (Some(by), true) = (covered, is_unreachable && is_twice) {
            advice.push(index, unreachable(route.at, by));
        }
    }
}

/// Reports the same for TCP and TLS routes, where only equal matches are detected.
fn others<'a, T: PartialEq + 'a>(
    index: usize,
    advice: &mut AnalysisReport,
    routes: impl Iterator<Item = (NodeId, impl Iterator<Item = &'a T>, bool)>,
    place: impl Fn(&T) -> NodeId,
) {
    let mut all: Option<NodeId> = None;
    let mut seen: Vec<&T> = Vec::new();
    for (at, matches, is_all) in routes {
        if let Some(all) = all {
            advice.push(index, unreachable(at, all));
            continue;
        }
        if is_all {
            all = Some(at);
            continue;
        }
        let (mut count, mut total, mut covered) = (0, 0, None);
        for one in matches {
            total += 1;
            if let Some(by) = seen.iter().take(MAX_MATCHES).find(|by| **by == one) {
                count += 1;
                covered = Some(place(by));
                let finding = Finding::warning(Code::IneffectiveMatch, place(one));
                advice.push(index, ineffective(finding, place(by), false));
            } else if seen.len() < MAX_MATCHES {
                seen.push(one);
            }
        }
        if let (Some(by), true) = (covered, count == total) {
            advice.push(index, unreachable(at, by));
        }
    }
}

fn unreachable(at: NodeId, by: NodeId) -> Finding {
    Finding::warning(Code::UnreachableRule, at)
        .message("this route is unreachable: earlier routes match all its requests")
        .effect("it has no effect")
        .in_istio("it has no effect: the first matching route is used")
        .help("move it up, or remove it")
        .also(by)
}

fn ineffective(finding: Finding, by: NodeId, is_route: bool) -> Finding {
    let message = if is_route {
        "no request reaches this route: a match before it fits all that this one fits"
    } else {
        "the match adds nothing: one before it fits all that it fits"
    };
    finding
        .message(message)
        .effect("it has no effect")
        .in_istio("it has no effect: the first match is used")
        .help("move it up, or remove it")
        .also(by)
}

/// Returns true if `by` provably matches every request that `one` matches.
fn covers(by: &HttpMatch, one: &HttpMatch) -> bool {
    let field = |by: &Option<Box<TextMatch>>, one: &Option<Box<TextMatch>>| match (by, one) {
        (None, _) => true,
        (Some(by), Some(one)) => text_covers(by, one),
        (Some(_), None) => false,
    };
    let no_case = |one: &HttpMatch| one.ignore_uri_case.is_some_and(|ignore| ignore.value);
    let port = by.port.is_none() || by.port == one.port;
    let gateways = by.gateways.is_empty() || by.gateways == one.gateways;
    let labels = by
        .source_labels
        .iter()
        .all(|label| one.source_labels.contains(label));
    // Headers and parameters are compared for equality only: conservative, never a false finding.
    let headers = by.headers.iter().all(|header| one.headers.contains(header));
    let without = by
        .without_headers
        .iter()
        .all(|header| one.without_headers.contains(header));
    let query = by
        .query_params
        .iter()
        .all(|param| one.query_params.contains(param));
    let namespace = by.source_namespace.is_none() || by.source_namespace == one.source_namespace;
    let uri = (no_case(by) == no_case(one) || by.uri.is_none()) && field(&by.uri, &one.uri);
    uri && field(&by.scheme, &one.scheme)
        && field(&by.method, &one.method)
        && field(&by.authority, &one.authority)
        && port
        && gateways
        && labels
        && headers
        && without
        && query
        && namespace
}

fn text_covers(by: &TextMatch, one: &TextMatch) -> bool {
    // Inclusion is decidable for prefixes; everything else is compared for equality.
    let Some(prefix) = &by.prefix else {
        return by == one;
    };
    let starts = |text: &Option<Spanned<String>>| {
        text.as_ref()
            .is_some_and(|text| text.value.starts_with(&prefix.value))
    };
    starts(&one.exact) || starts(&one.prefix)
}
