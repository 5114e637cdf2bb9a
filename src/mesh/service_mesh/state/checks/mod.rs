//! Checks of documents before they are applied.

pub(super) mod security;

use crate::istio::{Documents, Severity};
use crate::mesh::service_mesh::Error;

/// Logs the warnings of documents, and rejects documents with errors.
pub(super) fn checked(documents: Documents) -> Result<Documents, Error> {
    if documents.has_errors() {
        return Err(Error::Documents(documents.diagnostics().to_vec()));
    }
    #[cfg(feature = "jwt")]
    {
        let mut resources = documents.resources().iter();
        if resources.any(|resource| resource.kind() == crate::istio::Kind::RequestAuthentication) {
            crate::policies::jwt::check_provider().map_err(Error::Tokens)?;
        }
    }
    for found in documents.diagnostics() {
        if found.severity() == Severity::Warning {
            tracing::warn!("{found}");
        }
    }
    Ok(documents)
}
