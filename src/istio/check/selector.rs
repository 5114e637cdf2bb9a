use super::Check;
use crate::istio::code::Code;
use crate::istio::finding::{Finding, Findings};
use crate::istio::read::{Entries, Set};
use crate::istio::tree::At;

impl Check<'_> {
    /// Checks the labels of a selector of workloads.
    pub(super) fn selector(&mut self, labels: &Entries<Set<String>>, at: At) {
        selector(labels, at, self.findings);
    }
}

pub(super) fn selector(labels: &Entries<Set<String>>, at: At, findings: &mut Findings) {
    for (key, value) in labels {
        let value = value.as_ref().map_or("", |value| value.value.as_str());
        let (what, mend) = if key.value.is_empty() {
            ("a label has no key", "write its key")
        } else if key.value.contains('*') || value.contains('*') {
            let what = "a label has no `*`: it is not a pattern";
            (what, "write the whole value")
        } else if value.chars().count() > 63 {
            let what = "a label's value is longer than 63 characters";
            (what, "write the value that the workloads have")
        } else {
            continue;
        };
        findings.push(Finding::refused(key.at).what(what).mend(mend));
    }
    if labels.is_empty() {
        findings.push(
            Finding::warning(Code::SchemaWarning, at)
                .at_key()
                .what("the selector has no labels")
                .here("it selects every workload of the namespace")
                .istio("`istioctl validate` warns of it too")
                .mend("write labels, or remove the selector"),
        );
    }
}
