use std::collections::HashMap;

use super::AnalysisReport;
use super::context::AnalysisContext;
use crate::istio::api::service_entry::{Resolution, ServiceEntry};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::model::export::ExportTo;
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;

pub(super) fn service_entry(
    index: usize,
    entry: &ServiceEntry,
    context: &AnalysisContext<'_>,
    advice: &mut AnalysisReport,
) {
    // Of bytes without a host, only the address tells whom they are for.
    let port = entry.ports.0.iter().flatten().find(|port| {
        let protocol = port.protocol.as_ref().map_or("", |p| p.value.as_str());
        protocol.is_empty() || protocol.eq_ignore_ascii_case("tcp")
    });
    let resolution = entry.resolution.map_or(Resolution::None, |r| r.value);
    let is_told_apart = !entry.addresses.is_empty() || is_allocated(index, context);
    if let (Some(port), false, false) = (port, is_told_apart, resolution == Resolution::DynamicDns)
    {
        advice.push(
            index,
            Finding::warning(Code::AddressesRequired, port.at)
                .message("a TCP port without `addresses` cannot be distinguished from others")
                .effect("each host is identified by its name")
                .in_istio("connections to any address on this port count as this host's, unless addresses are allocated")
                .help("write `addresses`, or another `protocol`"),
        );
    }
}

/// Says whether the control plane gave it addresses, or will.
fn is_allocated(index: usize, context: &AnalysisContext<'_>) -> bool {
    context.objects[index].object.has_allocated_addresses || context.cluster.allocates_addresses
}

/// A port of a host as one service entry has it.
struct Seen {
    index: usize,
    at: NodeId,
    protocol: String,
    export: ExportTo,
}

/// Each is compared with those before it, so that there is an end to it.
const MAX_SEEN: usize = 1_000;

/// Service entries that give one port of a host different protocols, where some namespace sees both.
pub(super) fn conflicts(context: &AnalysisContext<'_>, advice: &mut AnalysisReport) {
    let mut seen: HashMap<(&str, u32), Vec<Seen>> = HashMap::new();
    for (index, entry) in &context.entries {
        let export = ExportTo::of(&entry.export_to, context.namespace(*index));
        for host in &entry.hosts {
            for port in entry.ports.0.iter().flatten() {
                let protocol = port.protocol.as_ref().map_or("", |p| p.value.as_str());
                let protocol = protocol.to_ascii_uppercase();
                let Some(number) = port.number else { continue };
                let key = (host.value.as_str(), number.value);
                let before = seen.entry(key).or_default();
                let other = before.iter().take(MAX_SEEN).find(|seen| {
                    seen.index != *index && seen.protocol != protocol && seen.export.meets(&export)
                });
                if let Some(other) = other {
                    let message = format!(
                        "port {} of `{}` is {} here, and {} in another service entry",
                        number.value,
                        shorten(&host.value),
                        shorten(&protocol),
                        shorten(&other.protocol),
                    );
                    advice.push(
                        *index,
                        Finding::warning(Code::ConflictingProtocol, port.at)
                            .message(message)
                            .effect("it changes nothing: requests are HTTP whatever it says")
                            .in_istio("the behaviour is not defined")
                            .help("write the same protocol in both, or narrow `exportTo`")
                            .also_there(context.objects[other.index].location_of(other.at)),
                    );
                }
                before.push(Seen {
                    index: *index,
                    at: port.at,
                    protocol,
                    export: export.clone(),
                });
            }
        }
    }
}
