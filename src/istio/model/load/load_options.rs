use std::sync::Arc;

use crate::istio::api::field_validation::FieldValidation;

/// Options of a load.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LoadOptions {
    /// The namespace of objects without one.
    pub(crate) default_namespace: Arc<str>,
    /// True if warnings are errors, so that a document with one is rejected.
    pub(crate) warnings_are_errors: bool,
    pub(crate) validation: FieldValidation,
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
