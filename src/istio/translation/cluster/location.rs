use crate::istio::api::service_entry::Location as Written;
use crate::istio::config::Location;
use crate::istio::model::names;
use crate::istio::translation::index::resource_index::ResourceIndex;
use crate::istio::translation::index::service_entry_index::HostEntries;

/// Returns the place of a host: the one that its service entry names; without one, the mesh for a service of Kubernetes
/// and nowhere for any other host, which for a service entry is Istio's default, `MESH_EXTERNAL`.
pub(super) fn location(
    index: &ResourceIndex,
    host: &str,
    known: Option<&HostEntries<'_>>,
) -> Location {
    let domain = &index.settings.cluster_domain;
    let is_service = names::namespace(host, domain).is_some() || index.kubernetes.contains(host);
    let mut entries = known.into_iter().flat_map(|known| &known.entries);
    // Of entries that disagree, the one that keeps headers back counts.
    let is_internal = entries.all(|entry| match entry.location {
        Some(location) => location.value == Written::Internal,
        None => is_service,
    });
    if is_internal && (known.is_some() || is_service) {
        Location::Internal
    } else {
        Location::External
    }
}
