//! Options and results of a load, as data.

pub(in crate::istio) mod document_content;
pub(crate) mod documents;
pub(crate) mod load_options;
pub(in crate::istio) mod parsed_object;
pub(in crate::istio) mod yaml_document;
