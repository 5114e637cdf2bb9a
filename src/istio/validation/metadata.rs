use super::names::is_label;
use crate::istio::api::security::Action;
use crate::istio::diagnostics::finding::{Finding, Findings};
use crate::istio::model::kind::Kind;
use crate::istio::model::object::{Metadata, Object};
use crate::istio::model::spec::Spec;
use crate::istio::syntax::shorten::shorten;

/// The annotation of a policy that is tried without being enforced.
const DRY_RUN: &str = "istio.io/dry-run";
/// Texts that Go parses as a boolean.
const BOOLEANS: [&str; 12] = [
    "0", "1", "F", "FALSE", "False", "T", "TRUE", "True", "f", "false", "t", "true",
];

/// Returns true if a policy is tried without being enforced.
pub(in crate::istio) fn is_dry_run(metadata: &Metadata) -> bool {
    let mut annotations = metadata.annotations.iter();
    let value = annotations.find(|(name, _)| name.value == DRY_RUN);
    let value = value.and_then(|(_, value)| Some(value.as_ref()?.value.as_str()));
    matches!(value, Some("1" | "T" | "TRUE" | "True" | "t" | "true"))
}

/// Checks what Istio asks of an object's name and annotations.
pub(in crate::istio) fn metadata(object: &Object, metadata: &Metadata, findings: &mut Findings) {
    let mut refuse = |at, message: String, help: &str| {
        findings.push(Finding::rejected(at).message(message).help(help));
    };
    if let Some(name) = metadata
        .name
        .as_ref()
        .filter(|_| object.kind == Kind::Gateway)
        && name.value.contains('.')
        && name.value.split('.').all(is_label)
    {
        let message = format!("`{}` cannot be the name of a gateway", shorten(&name.value));
        refuse(name.at, message, "use letters, digits and `-`");
    }
    let mut annotations = metadata.annotations.iter();
    let Some((name, value)) = annotations.find(|(name, _)| name.value == DRY_RUN) else {
        return;
    };
    let action = match (&object.spec, object.kind) {
        (Some(Spec::AuthorizationPolicy(policy)), _) => policy.action.map(|action| action.value),
        (_, Kind::AuthorizationPolicy) => None,
        _ => {
            let message = format!("only an AuthorizationPolicy has the annotation `{DRY_RUN}`");
            return refuse(name.at, message, "remove it");
        }
    };
    if !matches!(action, None | Some(Action::Allow | Action::Deny)) {
        let message = format!("`{DRY_RUN}` is for the actions ALLOW and DENY only");
        return refuse(name.at, message, "remove it");
    }
    let value = value.as_ref().map_or("", |value| value.value.as_str());
    if !BOOLEANS.contains(&value) {
        let message = format!("`{}` of `{DRY_RUN}` is no boolean", shorten(value));
        refuse(name.at, message, "write \"true\" or \"false\"");
    }
}
