//! Security policies of documents, before they are applied.

use std::collections::HashSet;

use crate::istio::translation::{ConfigModel, Settings};
use crate::istio::{Documents, Resource};
use crate::mesh::service_mesh::Error;
use crate::mesh::service_mesh::options::Options;

/// Translates documents whose policies can be enforced.
pub(in crate::mesh::service_mesh::state) fn enforceable(
    documents: &Documents,
    settings: &Settings,
    options: &Options,
) -> Result<ConfigModel, Error> {
    let model = ConfigModel::of(documents, settings);
    if !options.peer_identities
        && let Some((policy, origin)) = model.first_with_identities()
    {
        let policy = policy.into();
        return Err(Error::NoPeerIdentities { policy, origin });
    }
    Ok(model)
}

/// Logs the security policies that a change removes: what they denied is allowed from now on.
pub(in crate::mesh::service_mesh::state) fn warn_of_removed(before: &Documents, now: &Documents) {
    let key = |one: &Resource| {
        (
            one.kind(),
            one.namespace().to_owned(),
            one.name().to_owned(),
        )
    };
    let kept: HashSet<_> = now.resources().iter().map(key).collect();
    for gone in before.resources() {
        if gone.kind().is_security() && !kept.contains(&key(gone)) {
            let (kind, namespace, name) = key(gone);
            tracing::warn!("security policy removed: {kind} {namespace}/{name}");
        }
    }
}
