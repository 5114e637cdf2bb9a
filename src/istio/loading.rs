use std::sync::Arc;

/// How documents are loaded.
#[derive(Clone, Debug)]
pub(crate) struct Loading {
    /// The namespace of documents that name none.
    pub(crate) default_namespace: Arc<str>,
    /// Whether warnings are errors, so that a document with one is not taken.
    pub(crate) warnings_are_errors: bool,
}

impl Default for Loading {
    fn default() -> Self {
        Self {
            default_namespace: "default".into(),
            warnings_are_errors: false,
        }
    }
}
