use std::sync::Arc;

/// Options of a load.
#[derive(Clone, Debug)]
pub(crate) struct LoadOptions {
    /// The namespace of objects without one.
    pub(crate) default_namespace: Arc<str>,
    /// True if warnings are errors, so that a document with one is rejected.
    pub(crate) warnings_are_errors: bool,
    pub(crate) validation: FieldValidation,
}

/// Treatment of documents with an unknown field, as decided by Kubernetes' `fieldValidation` of the same
/// name.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum FieldValidation {
    /// It is an error: the document is not taken.
    #[default]
    Strict,
    /// It is a warning, and the rest of the document is taken: Istio may be newer than this crate.
    ///
    /// A field that is nearly one that is known, or that is known at another place, is an error all the same; so
    /// is any in `AuthorizationPolicy`, `PeerAuthentication` and `RequestAuthentication`.
    Warn,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            default_namespace: "default".into(),
            warnings_are_errors: false,
            validation: FieldValidation::Strict,
        }
    }
}
