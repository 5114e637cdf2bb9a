use super::CoverageReport;
use crate::istio::api::service_entry::ServiceEntry;

/// Reports endpoints without an address.
pub(super) fn service_entry(entry: &ServiceEntry, idle: &mut CoverageReport<'_>) {
    for endpoint in entry.endpoints.0.iter().flatten() {
        let address = endpoint.address.as_ref();
        if address.is_none_or(|address| address.value.is_empty()) {
            let effect = "the endpoint is left out: it is reached by its network's gateway only";
            idle.warn(endpoint.at, "endpoints", effect, "write its `address`");
        }
    }
}
