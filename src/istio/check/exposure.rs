use super::Check;
use super::names::is_label;
use crate::istio::read::{Texts, shorten};

/// Whose `exportTo` it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    Other,
    RuleWithSelector,
    ServiceEntry,
}

impl Check<'_> {
    /// Checks the namespaces that an object is shown to.
    pub(super) fn export_to(&mut self, export_to: &Texts, owner: Owner) {
        let Some(first) = export_to.first() else {
            return;
        };
        let mut seen: Vec<&str> = Vec::new();
        for name in export_to.iter().take(1_000) {
            let text = name.value.as_str();
            if text == "~" && owner != Owner::ServiceEntry {
                let what = "`~` shows the object to nobody";
                self.refuse(name.at, what, "write `.`, `*` or a namespace");
            } else if !matches!(text, "." | "*" | "~") && !is_label(text) {
                let what = format!("`{}` is no namespace", shorten(text));
                self.refuse(name.at, what, "write `.`, `*` or a namespace");
            }
            let key = if text == "." {
                &self.object.namespace
            } else {
                text
            };
            if seen.contains(&key) {
                let what = format!("the namespace `{}` is there twice", shorten(key));
                self.refuse(name.at, what, "keep it once");
            }
            seen.push(key);
        }
        if export_to.len() > 1 && seen.iter().any(|name| matches!(*name, "*" | "~")) {
            let what = "`*` and `~` do not go together with other namespaces";
            self.refuse(first.at, what, "keep one of them");
        }
        let own = [".", self.object.namespace.as_str()];
        if owner == Owner::RuleWithSelector
            && (export_to.len() > 1 || !own.contains(&first.value.as_str()))
        {
            let what = "a destination rule with a workload selector is for its own namespace";
            self.refuse(first.at, what, "write `exportTo: [\".\"]`");
        }
    }
}
