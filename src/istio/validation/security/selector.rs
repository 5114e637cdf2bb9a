use crate::istio::api::fields::read::{Entries, Spanned};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::{Finding, Findings};
use crate::istio::syntax::tree::NodeId;
use crate::istio::validation::Validator;

impl Validator<'_> {
    /// Checks the labels of a selector of workloads.
    pub(in crate::istio::validation) fn selector(
        &mut self,
        labels: &Entries<Spanned<String>>,
        at: NodeId,
    ) {
        selector(labels, at, self.findings);
    }
}

pub(in crate::istio::validation) fn selector(
    labels: &Entries<Spanned<String>>,
    at: NodeId,
    findings: &mut Findings,
) {
    for (key, value) in labels {
        let value = value.as_ref().map_or("", |value| value.value.as_str());
        let (message, help) = if key.value.is_empty() {
            ("a label has no key", "write its key")
        } else if key.value.contains('*') || value.contains('*') {
            let message = "a label has no `*`: it is not a pattern";
            (message, "write the whole value")
        } else if value.chars().count() > 63 {
            let message = "a label's value is longer than 63 characters";
            (message, "write the value that the workloads have")
        } else {
            continue;
        };
        findings.push(Finding::rejected(key.at).message(message).help(help));
    }
    if labels.is_empty() {
        findings.push(
            Finding::warning(Code::SchemaWarning, at)
                .at_key()
                .message("the selector has no labels")
                .effect("it selects every workload of the namespace")
                .in_istio("`istioctl validate` warns of it too")
                .help("write labels, or remove the selector"),
        );
    }
}
