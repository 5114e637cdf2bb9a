use crate::istio::api::fields::read::Reader;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::{Finding, Findings};
use crate::istio::model::kind::Kind;
use crate::istio::model::spec::Spec;
use crate::istio::syntax::tree::NodeId;

/// Example of a rate limit, for the author of an empty filter.
const RATE_LIMIT: &str = "to limit requests, write below `spec:`
# for one workload only: workloadSelector: {labels: {app: …}}
configPatches:
- applyTo: HTTP_FILTER
  match: {context: SIDECAR_OUTBOUND}
  patch:
    operation: INSERT_FIRST
    value:
      name: envoy.filters.http.local_ratelimit
      typed_config:
        \"@type\": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
        stat_prefix: http_local_rate_limiter
        token_bucket: {max_tokens: 20, tokens_per_fill: 20, fill_interval: 60s}
        filter_enabled: {default_value: {numerator: 100, denominator: HUNDRED}}
        filter_enforced: {default_value: {numerator: 100, denominator: HUNDRED}}";

/// Reports an `EnvoyFilter` without patches.
pub(super) fn no_patches(at: NodeId, missing: &'static str, findings: &mut Findings) {
    findings.push(
        Finding::warning(Code::Ineffective, at)
            .at_key()
            .missing(missing)
            .message("the EnvoyFilter has no `configPatches`, so it has no effect")
            .effect("it has no effect")
            .in_istio("Istio accepts it, and it has no effect")
            .help(RATE_LIMIT),
    );
}

/// Reports an object without a `spec`, unless its kind allows that.
pub(in crate::istio) fn empty(
    kind: Kind,
    spec: Option<NodeId>,
    at: NodeId,
    reader: &mut Reader<'_>,
) -> Option<Spec> {
    match kind {
        Kind::EnvoyFilter => {
            let missing = if spec.is_some() {
                "configPatches"
            } else {
                "spec"
            };
            no_patches(spec.unwrap_or(at), missing, reader.findings);
        }
        // These kinds are meaningful when empty.
        Kind::AuthorizationPolicy
        | Kind::PeerAuthentication
        | Kind::RequestAuthentication
        | Kind::Sidecar
        | Kind::Telemetry => {}
        _ => reader.findings.push(
            Finding::rejected(spec.unwrap_or(at))
                .missing(if spec.is_some() { "" } else { "spec" })
                .message("the object has no `spec`")
                .help("write its settings below `spec:`"),
        ),
    }
    None
}

/// Reports that a kind is not enforced.
pub(in crate::istio) fn not_enforced(kind: Kind, at: NodeId, findings: &mut Findings) {
    let (effect, istio) = unenforced(kind);
    findings.push(
        Finding::warning(Code::NotEnforced, at)
            .message(format!("{kind} is checked and not enforced"))
            .effect(format!("none of its settings apply: {effect}"))
            .in_istio(istio)
            .help("configure this another way, and keep the document for Istio"),
    );
}

/// Returns the effect of a kind that is not enforced, here and in Istio.
pub(in crate::istio) const fn unenforced(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::PeerAuthentication => (
            "no connection is encrypted or rejected",
            "Envoy uses mutual TLS, and rejects plain text in the mode STRICT",
        ),
        Kind::RequestAuthentication => (
            "no token is validated",
            "Envoy rejects invalid tokens with 401",
        ),
        Kind::Sidecar => (
            "no traffic is accepted, rejected or limited",
            "it limits the ports and hosts of a proxy",
        ),
        Kind::Telemetry => (
            "metrics, logs and traces do not change",
            "it configures the telemetry of proxies",
        ),
        _ => (
            "the workload is not added to any service",
            "it adds a workload outside the cluster as an endpoint",
        ),
    }
}
