use super::AnalysisReport;
use super::context::{AnalysisContext, full};
use super::routes::subsets::is_all_tls;
use crate::istio::api::destination_rule::{
    ClientTls, DestinationRule, OutlierDetection, TlsMode, TrafficPolicy,
};
use crate::istio::api::fields::read::{Spanned, Text};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;

/// Envoy's default for `maxEjectionPercent`.
const MAX_EJECTION_PERCENT: i32 = 10;

pub(super) fn destination_rule(
    index: usize,
    rule: &DestinationRule,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let Some(host) = &rule.host else { return };
    let name = full(&host.value, context.namespace(index));
    unknown_host(index, host, &name, context, advice);
    overlapping_subsets(index, rule, &name, context, advice);
    let entry = if name.starts_with('*') {
        None
    } else {
        context.entry(&name)
    };
    let endpoints = entry
        .map(|entry| entry.endpoints.0.len())
        .filter(|len| *len > 0);
    let policies = rule.traffic_policy.iter();
    let policies = policies.chain(
        rule.subsets
            .0
            .iter()
            .flatten()
            .filter_map(|s| s.traffic_policy.as_ref()),
    );
    for policy in policies {
        let outlier = policy.outlier_detection.iter();
        let ports = policy.port_level_settings.0.iter().flatten();
        for outlier in outlier.chain(ports.filter_map(|port| port.outlier_detection.as_ref())) {
            ejection(index, outlier, endpoints, advice);
        }
        verification(index, rule, policy, advice);
    }
    let http = rule.traffic_policy.as_ref().and_then(|policy| {
        let pool = policy
            .connection_pool
            .as_ref()
            .and_then(|pool| pool.http.as_ref());
        pool.map(|http| http.at)
            .or_else(|| policy.outlier_detection.as_ref().map(|o| o.at))
    });
    if let (Some(at), true) = (http, entry.is_some_and(is_all_tls)) {
        advice.push(
            index,
            Finding::warning(Code::HttpPolicyForTls, at)
                .at_key()
                .message(format!(
                    "`{}` uses TLS, and this is an HTTP policy",
                    shorten(&host.value)
                ))
                .effect("the policy applies: requests are handled before encryption")
                .in_istio(
                    "a sidecar sees encrypted bytes only: it counts connections, not status codes",
                )
                .help("for Istio, call it by `http://` and originate TLS with this rule's `tls`"),
        );
    }
}

/// Reports a rule whose host is not a known service: Istio ignores it.
fn unknown_host(
    index: usize,
    host: &Spanned<String>,
    name: &str,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    let is_known =
        if name == "*" || name.rsplit('.').next() == Some("local") && name.starts_with('*') {
            true
        } else if name.starts_with('*') {
            context.knows_any(name)
        } else if name.ends_with(".svc.cluster.local") {
            context.entry(name).is_some() || context.is_service(name) != Some(false)
        } else {
            // `name.namespace` and `name.namespace.svc` may be services too, and cannot be
            // distinguished from a domain.
            let labels = name.split('.').count();
            labels == 2 || name.rsplit('.').next() == Some("svc") || context.entry(name).is_some()
        };
    let near = (!context.knows(name)).then(|| context.near(name)).flatten();
    if !is_known || near.is_some() {
        advice.push(
            index,
            Finding::warning(Code::UnknownHost, host.at)
                .message(format!(
                    "no document defines the service `{}`",
                    shorten(&host.value)
                ))
                .effect(
                    "the rule applies to requests for this host, with or without a ServiceEntry",
                )
                .in_istio("a rule for a host that the registry does not have is without effect")
                .help(near.map_or_else(
                    || "for Istio, add a ServiceEntry with that host".to_owned(),
                    |near| format!("did you mean `{}`?", shorten(near)),
                )),
        );
    }
}

/// Subsets whose endpoints cannot be distinguished.
fn overlapping_subsets(
    index: usize,
    rule: &DestinationRule,
    name: &str,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    if name.starts_with('*') || context.entry(name).is_some() {
        return;
    }
    let labelled = rule.subsets.0.iter().flatten();
    let first = labelled.filter_map(|subset| Some((subset, subset.labels.first()?)));
    for (subset, (label, _)) in first.take(1) {
        let subset = subset.name.as_ref().map_or("", |name| name.value.as_str());
        advice.push(
            index,
            Finding::warning(Code::FieldWithoutEffect, label.at)
                .at_key()
                .message(format!(
                    "no ServiceEntry has endpoints for the subset `{}`",
                    shorten(subset)
                ))
                .effect("its requests go to the host's name: any version may answer")
                .in_istio("Istio finds the pods with these labels in Kubernetes")
                .help("add a ServiceEntry for the host with these labels on its `endpoints`"),
        );
    }
}

fn ejection(
    index: usize,
    outlier: &OutlierDetection,
    endpoints: Option<usize>,
    advice: &mut AnalysisReport,
) {
    let percent = outlier
        .max_ejection_percent
        .map_or(0, |percent| percent.value);
    let percent = if percent == 0 {
        MAX_EJECTION_PERCENT
    } else {
        percent.clamp(1, 100)
    };
    let need = usize::try_from((100 + percent - 1) / percent).unwrap_or(100);
    if need <= 1 || endpoints.is_some_and(|endpoints| endpoints >= need) {
        return;
    }
    let at = outlier
        .max_ejection_percent
        .map_or(outlier.at, |percent| percent.at);
    let has = endpoints.map_or_else(String::new, |n| format!(", and there {}", are(n)));
    let message = format!("at {percent} % Envoy ejects nothing below {need} endpoints{has}");
    let is_sure = endpoints.is_some() || percent <= MAX_EJECTION_PERCENT;
    let severity = if is_sure {
        Finding::warning
    } else {
        Finding::note
    };
    advice.push(
        index,
        severity(Code::NeverEjects, at)
            .at_key()
            .message(message)
            .effect(
                "one endpoint may always be ejected, even the only one, as by a circuit breaker",
            )
            .in_istio("`maxEjectionPercent` is a hard limit since Envoy 1.28; its default is 10 %")
            .help("write `maxEjectionPercent: 100`"),
    );
}

fn are(endpoints: usize) -> String {
    match endpoints {
        1 => "is 1".into(),
        n => format!("are {n}"),
    }
}

/// Reports TLS settings that do not verify the server certificate.
fn verification(
    index: usize,
    rule: &DestinationRule,
    policy: &TrafficPolicy,
    advice: &mut AnalysisReport,
) {
    if let Some(tls) = &policy.tls
        && is_unverified(tls, rule)
    {
        advice.push(index, unverified(Code::NoServerVerification, tls.at));
    }
    for port in policy.port_level_settings.0.iter().flatten() {
        if let Some(tls) = &port.tls
            && is_unverified(tls, rule)
        {
            advice.push(index, unverified(Code::NoServerVerificationPort, tls.at));
        }
    }
}

fn is_unverified(tls: &ClientTls, rule: &DestinationRule) -> bool {
    let is_set = |text: &Text| text.as_ref().is_some_and(|text| !text.value.is_empty());
    let is_own = tls
        .mode
        .is_some_and(|m| matches!(m.value, TlsMode::Simple | TlsMode::Mutual));
    let by_credential = is_set(&tls.credential_name) && rule.workload_selector.is_some();
    is_own && !is_set(&tls.ca_certificates) && !by_credential
}

fn unverified(code: Code, at: NodeId) -> Finding {
    Finding::warning(code, at)
        .at_key()
        .message("TLS without `caCertificates`: the server certificate may not be verified")
        .effect("TLS is originated here; the client's configuration decides about verification")
        .in_istio(
            "depending on its version, Istio verifies with the system's certificates or not at all",
        )
        .help("write `caCertificates: system`, or a file")
}
