use std::collections::BTreeMap;

use super::Service;
use crate::transport::dns::machine::Target;

/// Returns where a service is to be found, by priority: the lowest number first.
pub(in crate::transport::dns) fn targets(services: Vec<Service>) -> Vec<Vec<Target>> {
    let mut priorities: BTreeMap<u16, BTreeMap<(String, u16), u32>> = BTreeMap::new();
    for service in services {
        // A service that is decidedly not there has the root for its host (RFC 2782).
        if service.host == "." {
            continue;
        }
        let targets = priorities.entry(service.priority).or_default();
        let weight = targets.entry((service.host, service.port)).or_default();
        *weight += u32::from(service.weight);
    }
    let groups = priorities.into_values();
    groups
        .map(|targets| {
            let all_zero = targets.values().all(|weight| *weight == 0);
            let some_zero = targets.values().any(|weight| *weight == 0);
            let weight = |weight: u32| match weight {
                0 => 1,
                weight if some_zero && !all_zero => weight.saturating_mul(100),
                weight => weight,
            };
            let targets = targets.into_iter();
            targets
                .map(|((host, port), written)| Target {
                    host,
                    port,
                    weight: weight(written),
                })
                .collect()
        })
        .collect()
}
