use std::sync::Arc;

use crate::istio::api::field_validation::FieldValidation;

/// Options of a load.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LoadOptions {
    /// The namespace of objects without one.
    pub(crate) default_namespace: Arc<str>,
    /// True if certificates are at hand, so that documents about them have their effect.
    pub(crate) has_identity: bool,
    /// True if warnings are errors, so that a document with one is rejected.
    pub(crate) warnings_are_errors: bool,
    pub(crate) validation: FieldValidation,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            default_namespace: "default".into(),
            // A linter does not know the application; with the feature it can have some.
            has_identity: cfg!(feature = "mtls"),
            warnings_are_errors: false,
            validation: FieldValidation::Strict,
        }
    }
}
