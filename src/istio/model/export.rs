use crate::istio::api::fields::read::Texts;

/// The namespaces in which an object is visible: `exportTo`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::istio) struct ExportTo(Vec<Box<str>>);

impl ExportTo {
    /// Creates the value for an object in the namespace `own`; an empty list means all namespaces.
    pub(in crate::istio) fn of(export_to: &Texts, own: &str) -> Self {
        let mut names: Vec<Box<str>> = export_to
            .iter()
            .map(|name| match name.value.as_str() {
                "." => own.into(),
                name => name.into(),
            })
            .collect();
        // Sorted, so that equal sets compare as equal: rules with equal visibility are merged.
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            names.push("*".into());
        }
        Self(names)
    }

    pub(in crate::istio) fn shows(&self, namespace: &str) -> bool {
        self.is_public() || self.names(namespace)
    }

    pub(in crate::istio) fn is_public(&self) -> bool {
        self.names("*")
    }

    /// Returns true if the object is visible in its own namespace only.
    pub(in crate::istio) fn is_private(&self, own: &str) -> bool {
        self.0.len() == 1 && self.names(own)
    }

    /// Returns true if some namespace is in both.
    pub(in crate::istio) fn meets(&self, other: &Self) -> bool {
        self.is_public() || other.is_public() || self.0.iter().any(|name| other.0.contains(name))
    }

    fn names(&self, namespace: &str) -> bool {
        self.0.iter().any(|name| **name == *namespace)
    }
}
