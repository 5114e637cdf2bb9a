use crate::istio::api::fields::read::Texts;

/// The namespaces that an object is shown to: `exportTo`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::istio) struct ExportTo(Vec<Box<str>>);

impl ExportTo {
    /// Reads the field of an object in the namespace `own`; nothing is everywhere.
    pub(in crate::istio) fn of(export_to: &Texts, own: &str) -> Self {
        let mut names: Vec<Box<str>> = export_to
            .iter()
            .map(|name| match name.value.as_str() {
                "." => own.into(),
                name => name.into(),
            })
            .collect();
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

    /// Says whether it is shown to its own namespace only.
    pub(in crate::istio) fn is_private(&self, own: &str) -> bool {
        self.0.len() == 1 && self.names(own)
    }

    /// Says whether some namespace sees what either shows.
    pub(in crate::istio) fn meets(&self, other: &Self) -> bool {
        self.is_public() || other.is_public() || self.0.iter().any(|name| other.0.contains(name))
    }

    fn names(&self, namespace: &str) -> bool {
        self.0.iter().any(|name| **name == *namespace)
    }
}
