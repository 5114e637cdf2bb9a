use super::Validator;
use super::names::is_label;
use crate::istio::api::fields::read::Texts;
use crate::istio::syntax::shorten::shorten;

/// Kind of object with `exportTo`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    Other,
    RuleWithSelector,
    ServiceEntry,
}

impl Validator<'_> {
    /// Validates `exportTo`.
    pub(super) fn export_to(&mut self, export_to: &Texts, owner: Owner) {
        let Some(first) = export_to.first() else {
            return;
        };
        let mut seen: Vec<&str> = Vec::new();
        for name in export_to.iter().take(1_000) {
            let text = name.value.as_str();
            if text == "~" && owner != Owner::ServiceEntry {
                let message = "`~` exports the object to no namespace";
                self.reject(name.at, message, "write `.`, `*` or a namespace");
            } else if !matches!(text, "." | "*" | "~") && !is_label(text) {
                let message = format!("`{}` is no namespace", shorten(text));
                self.reject(name.at, message, "write `.`, `*` or a namespace");
            }
            let key = if text == "." {
                &self.object.namespace
            } else {
                text
            };
            if seen.contains(&key) {
                let message = format!("the namespace `{}` is there twice", shorten(key));
                self.reject(name.at, message, "keep it once");
            }
            seen.push(key);
        }
        if export_to.len() > 1 && seen.iter().any(|name| matches!(*name, "*" | "~")) {
            let message = "`*` and `~` do not go together with other namespaces";
            self.reject(first.at, message, "keep one of them");
        }
        let own = [".", self.object.namespace.as_str()];
        if owner == Owner::RuleWithSelector
            && (export_to.len() > 1 || !own.contains(&first.value.as_str()))
        {
            let message = "a destination rule with a workload selector is for its own namespace";
            self.reject(first.at, message, "write `exportTo: [\".\"]`");
        }
    }
}
