use super::CoverageReport;
use crate::istio::api::security::AuthorizationPolicy;

/// Reports conditions that never have a value, and targets that no server here is.
pub(super) fn authorization_policy(policy: &AuthorizationPolicy, idle: &mut CoverageReport<'_>) {
    let rules = policy
        .rules
        .iter()
        .flat_map(|rules| rules.rows.iter().flatten());
    let keys = rules.flat_map(|rule| rule.when.0.iter().flatten());
    for key in keys.filter_map(|condition| condition.key.as_ref()) {
        if key.value.starts_with("experimental.envoy.filters.") {
            let effect = "it has no value: no filter of Envoy writes metadata here";
            idle.warn(key.at, &key.value, effect, "compare a header or a claim");
        }
    }
    let targets = policy.target_ref.iter();
    for target in targets.chain(policy.target_refs.0.iter().flatten()) {
        let Some(kind) = target
            .kind
            .as_ref()
            .filter(|kind| kind.value == "ServiceEntry")
        else {
            continue;
        };
        let effect = "requests to it are not checked: its servers are not in the mesh";
        idle.warn(
            kind.at,
            &kind.value,
            effect,
            "check them in the service itself",
        );
    }
}
