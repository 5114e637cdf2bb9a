use std::collections::HashMap;

use super::Advice;
use super::world::World;
use crate::istio::code::Code;
use crate::istio::finding::Finding;
use crate::istio::kinds::service_entry::{Resolution, ServiceEntry};
use crate::istio::read::shorten;
use crate::istio::tree::At;

pub(super) fn service_entry(index: usize, entry: &ServiceEntry, advice: &mut Advice) {
    // Of bytes without a host, only the address tells whom they are for.
    let port = entry.ports.0.iter().flatten().find(|port| {
        let protocol = port.protocol.as_ref().map_or("", |p| p.value.as_str());
        protocol.is_empty() || protocol.eq_ignore_ascii_case("tcp")
    });
    let resolution = entry.resolution.map_or(Resolution::None, |r| r.value);
    if let (Some(port), true, false) = (
        port,
        entry.addresses.is_empty(),
        resolution == Resolution::DynamicDns,
    ) {
        advice.push(
            index,
            Finding::warning(Code::AddressesRequired, port.at)
                .what("a port for TCP is told from others by its address, and there are no `addresses`")
                .here("each host is found by its own name")
                .istio("connections to any address at that port are taken for this host, unless addresses are allocated")
                .mend("write `addresses`, or another `protocol`"),
        );
    }
}

/// Service entries that give one port of a host different protocols.
pub(super) fn conflicts(world: &World<'_>, advice: &mut Advice) {
    let mut seen: HashMap<(&str, u32), (usize, At, String)> = HashMap::new();
    for (index, entry) in &world.entries {
        for host in &entry.hosts {
            for port in entry.ports.0.iter().flatten() {
                let protocol = port.protocol.as_ref().map_or("", |p| p.value.as_str());
                let protocol = protocol.to_ascii_uppercase();
                let Some(number) = port.number else { continue };
                let key = (host.value.as_str(), number.value);
                let Some((other, at, first)) = seen.get(&key) else {
                    seen.insert(key, (*index, port.at, protocol));
                    continue;
                };
                if *first == protocol || other == index {
                    continue;
                }
                let what = format!(
                    "port {} of `{}` is {} here, and {} in another service entry",
                    number.value,
                    shorten(&host.value),
                    shorten(&protocol),
                    shorten(first),
                );
                advice.push(
                    *index,
                    Finding::warning(Code::ConflictingProtocol, port.at)
                        .what(what)
                        .here("it changes nothing: requests are HTTP whatever it says")
                        .istio("the behaviour is not defined")
                        .mend("write the same protocol in both")
                        .also_there(world.units[*other].place_of(*at)),
                );
            }
        }
    }
}
