//! Constructors of [`Documents`], which read, check and analyze them.

use std::path::Path;
use std::sync::Arc;

use super::input::Input;
use super::large_stack::with_large_stack;
use crate::istio::model::load::documents::Documents;
use crate::istio::model::load::load_options::LoadOptions;

impl Documents {
    /// Loads a text of any number of documents, separated by `---`.
    ///
    /// At most 64 MiB are read, and 3 MiB per document, the maximum of a Kubernetes request.
    #[must_use]
    pub fn from_yaml(text: &str) -> Self {
        Self::read_yaml(text, LoadOptions::default(), None)
    }

    /// Loads a file, or all files of a folder and its subfolders that end in `.yaml`, `.yml` or
    /// `.json`, in the order of their names.
    ///
    /// Names that start with a dot are skipped, as are links to folders: a mounted `ConfigMap` then
    /// shows each file once. Unreadable files are reported as diagnostics.
    #[must_use]
    pub fn from_path(path: impl AsRef<Path>) -> Self {
        Self::read_path(path.as_ref(), LoadOptions::default(), None)
    }

    /// Loads several inputs as one set, so that references from one to another are found. Inputs are read in their
    /// order; each file counts once, also if two paths lead to it.
    ///
    /// The bounds of [`from_yaml`](Self::from_yaml) are those of the whole set.
    #[must_use]
    pub fn from_inputs(inputs: impl IntoIterator<Item = Input>) -> Self {
        Self::read_inputs(inputs, LoadOptions::default())
    }

    /// Loads several inputs as one set, as [`from_inputs`](Self::from_inputs) does, with the namespace of objects
    /// without one, whose default is `default`.
    #[must_use]
    pub fn from_inputs_in(
        inputs: impl IntoIterator<Item = Input>,
        default_namespace: impl Into<Arc<str>>,
    ) -> Self {
        let options = LoadOptions {
            default_namespace: default_namespace.into(),
            ..LoadOptions::default()
        };
        Self::read_inputs(inputs, options)
    }

    pub(crate) fn read_inputs(
        inputs: impl IntoIterator<Item = Input>,
        options: LoadOptions,
    ) -> Self {
        let inputs: Vec<_> = inputs.into_iter().collect();
        with_large_stack(options, None, |load| load.inputs(inputs))
    }

    /// Loads a text; documents with the text of one of `known` are taken over from there.
    pub(crate) fn read_yaml(text: &str, options: LoadOptions, known: Option<Arc<Self>>) -> Self {
        with_large_stack(options, known, |load| load.text(None, text.as_bytes()))
    }

    /// Loads a file or a folder; documents with the text of one of `known` are taken over from there.
    pub(crate) fn read_path(path: &Path, options: LoadOptions, known: Option<Arc<Self>>) -> Self {
        with_large_stack(options, known, |load| load.path(path))
    }
}
