use std::collections::HashMap;

use super::Advice;
use super::world::{World, full};
use crate::istio::check::is_for_mesh;
use crate::istio::code::Code;
use crate::istio::export::Export;
use crate::istio::finding::Finding;
use crate::istio::kinds::virtual_service::VirtualService;
use crate::istio::read::{Set, shorten};

/// Virtual services for the same host within the mesh: only one of them is used.
pub(super) fn hosts(world: &World<'_>, advice: &mut Advice) {
    type Seen<'a> = Vec<(usize, &'a VirtualService)>;
    let mut seen: HashMap<String, Seen<'_>> = HashMap::new();
    for (index, service) in &world.services {
        if !is_for_mesh(&service.gateways) {
            continue;
        }
        let own = world.namespace(*index);
        for host in &service.hosts {
            let before = seen.entry(full(&host.value, own).into_owned()).or_default();
            let other = before.iter().take(1_000).find(|(other, one)| {
                // One object twice is an error of its own.
                !is_twin(world, *index, *other) && meet(service, own, one, world.namespace(*other))
            });
            if let Some((other, _)) = other {
                advice.push(*index, conflict(host, world, *other));
            }
            if before.last().is_none_or(|(last, _)| last != index) {
                before.push((*index, service));
            }
        }
    }
}

fn is_twin(world: &World<'_>, one: usize, other: usize) -> bool {
    let [one, other] = [one, other].map(|index| &world.units[index].object);
    (&one.namespace, &one.name) == (&other.namespace, &other.name)
}

fn conflict(host: &Set<String>, world: &World<'_>, other: usize) -> Finding {
    let unit = &world.units[other];
    let name = format!("{}/{}", unit.object.namespace, unit.object.name);
    let host_text = shorten(&host.value);
    Finding::warning(Code::ConflictingHosts, host.at)
        .what(format!(
            "the virtual service {name} is for `{host_text}` too"
        ))
        .here("only the older of the two is used: by its time of creation, else as they stand in the files")
        .istio("only the older of the two is used")
        .mend("merge them into one, or narrow `exportTo`")
        .also_there(unit.place())
}

/// Says whether some namespace sees both.
fn meet(one: &VirtualService, one_in: &str, two: &VirtualService, two_in: &str) -> bool {
    let shown = |service: &VirtualService, own| Export::of(&service.export_to, own);
    shown(one, one_in).meets(&shown(two, two_in))
}
