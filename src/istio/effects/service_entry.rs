use super::CoverageReport;
use crate::istio::api::fields::read::Text;
use crate::istio::api::service_entry::ServiceEntry;
use crate::istio::api::workload::Workload;

pub(super) fn service_entry(entry: &ServiceEntry, idle: &mut CoverageReport<'_>) {
    if let Some(address) = entry.addresses.first() {
        idle.note(address.at, "addresses", "callers use the service's name");
    }
    if let Some(name) = entry.subject_alt_names.first() {
        let effect = "the client's configuration decides about verification of the server";
        idle.warn(
            name.at,
            "subjectAltNames",
            effect,
            "configure the client so",
        );
    }
    if let Some(selector) = &entry.workload_selector {
        let effect = "workloads are unknown: requests go to the host's DNS addresses";
        let help = "write the workloads' addresses below `endpoints`";
        idle.warn(selector.at, "workloadSelector", effect, help);
    }
    for endpoint in entry.endpoints.0.iter().flatten() {
        workload(endpoint, idle);
    }
}

fn workload(endpoint: &Workload, idle: &mut CoverageReport<'_>) {
    let set = |text: &Text| {
        text.as_ref()
            .filter(|text| !text.value.is_empty())
            .map(|text| text.at)
    };
    if let Some(address) = &endpoint.address
        && address.value.starts_with("unix:")
    {
        let effect = "the endpoint is left out: sockets in the file system are not connected to";
        idle.warn(address.at, "address", effect, "write an address and a port");
    }
    if endpoint
        .address
        .as_ref()
        .is_none_or(|address| address.value.is_empty())
    {
        let effect = "the endpoint is left out: it is reached by its network's gateway only";
        idle.warn(endpoint.at, "endpoints", effect, "write its `address`");
    }
    for (name, at) in [
        ("network", set(&endpoint.network)),
        ("locality", set(&endpoint.locality)),
        ("serviceAccount", set(&endpoint.service_account)),
    ] {
        if let Some(at) = at {
            idle.note(at, name, "the endpoint is treated like the others");
        }
    }
}
