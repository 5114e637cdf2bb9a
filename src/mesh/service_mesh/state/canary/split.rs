use super::error::CanaryError;
use super::release::CanaryRelease;
use crate::foundation::sync::Percent;
use crate::istio::config::{OutboundConfig, RouteConfig};
use crate::policies::canary::Version;
use crate::policies::traffic_split::{Destination, RouteId, WeightedDestination};

/// Sum of the weights that a rollout sets: a share is exact to a millionth.
const ALL: u64 = 1_000_000;

/// Route whose requests a rollout distributes.
#[derive(Clone, Debug)]
pub(super) struct Split {
    canary: usize,
    destinations: Vec<Destination>,
    /// Weights of the documents.
    pub(super) documented: Vec<u32>,
    pub(super) route: RouteId,
    /// Name of the route, if it has one; requests of routes with another name are no evidence.
    route_name: Option<Box<str>>,
}

impl Split {
    /// Finds the route of a release in the first of some configurations that has it.
    pub(super) fn find(
        release: &CanaryRelease,
        configs: impl IntoIterator<Item = OutboundConfig>,
    ) -> Result<Self, CanaryError> {
        let mut known = Vec::new();
        for config in configs {
            let Some(place) = config.place_of(&release.host) else {
                continue;
            };
            for (index, route) in config.hosts[place].routes.iter().enumerate() {
                match Self::of(release, index, route) {
                    Some(split) => return Ok(split),
                    None => known.extend(describe(index, route)),
                }
            }
        }
        known.sort();
        known.dedup();
        Err(CanaryError::NoSplit {
            host: release.host.clone(),
            known,
            subset: release.subset.clone(),
        })
    }

    fn of(release: &CanaryRelease, index: usize, config: &RouteConfig) -> Option<Self> {
        let is_wanted = |route: &RouteId| route.is(index, &config.route);
        if !release.route.as_ref().is_none_or(is_wanted) {
            return None;
        }
        let weighted = config.route.destinations();
        let is_canary =
            |one: &WeightedDestination| one.destination().subset() == Some(&*release.subset);
        let canary = weighted.iter().position(is_canary)?;
        let is_split =
            weighted.len() > 1 && weighted.iter().filter(|one| is_canary(one)).count() == 1;
        is_split.then(|| Self {
            canary,
            destinations: weighted
                .iter()
                .map(|one| one.destination().clone())
                .collect(),
            documented: weighted.iter().map(WeightedDestination::weight).collect(),
            route: release.route.clone().unwrap_or_else(|| index.into()),
            route_name: config.route.name().map(Into::into),
        })
    }

    /// Returns the version to which an attempt went, by Istio's name of its cluster and the name of its route.
    pub(super) fn version(&self, cluster: &str, route: Option<&str>) -> Option<Version> {
        if self.route_name.as_deref() != route {
            return None;
        }
        let mut parts = cluster.split('|').skip(2);
        let (subset, host) = (parts.next()?, parts.next()?);
        let found = self
            .destinations
            .iter()
            .position(|one| one.subset().unwrap_or_default() == subset && one.host() == host)?;
        Some(if found == self.canary {
            Version::Canary
        } else {
            Version::Stable
        })
    }

    /// Returns the weights under which the canary has a share, and the others the rest in the proportions of the
    /// documents.
    pub(super) fn weights(&self, share: Percent) -> Vec<u32> {
        let canary = u64::from(share.millionths()).min(ALL);
        let rest = ALL - canary;
        let documented = self.documented.iter().enumerate();
        let others: u64 = documented
            .clone()
            .filter(|(place, _)| *place != self.canary)
            .map(|(_, weight)| u64::from(*weight))
            .sum();
        // Without a weight, all others have the same.
        let equal = u64::try_from(self.documented.len() - 1).unwrap_or(1).max(1);
        let mut left = rest;
        let mut weights: Vec<u64> = documented
            .map(|(place, weight)| {
                if place == self.canary {
                    return canary;
                }
                let part = match others {
                    0 => rest / equal,
                    others => rest * u64::from(*weight) / others,
                };
                left -= part;
                part
            })
            .collect();
        // The remainder of the divisions.
        if let Some((_, most)) = weights
            .iter_mut()
            .enumerate()
            .filter(|(place, _)| *place != self.canary)
            .max_by_key(|(_, weight)| **weight)
        {
            *most += left;
        }
        let weights = weights.into_iter();
        weights
            .map(|weight| u32::try_from(weight).unwrap_or(u32::MAX))
            .collect()
    }
}

/// Returns a route and its subsets in words, if it has several destinations.
fn describe(index: usize, config: &RouteConfig) -> Option<Box<str>> {
    let weighted = config.route.destinations();
    if weighted.len() < 2 {
        return None;
    }
    let subsets = weighted
        .iter()
        .map(|one| one.destination().subset().unwrap_or("none"));
    let subsets: Vec<_> = subsets.collect();
    let name = config.route.name();
    let name = name.map_or_else(|| index.to_string(), ToOwned::to_owned);
    Some(format!("{name} (subsets {})", subsets.join(", ")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(documented: &[u32]) -> Split {
        Split {
            canary: 1,
            destinations: Vec::new(),
            documented: documented.to_vec(),
            route: 0.into(),
            route_name: None,
        }
    }

    #[test]
    fn the_others_share_the_rest_as_the_documents_say() {
        let share = Percent::new(10);
        assert_eq!(split(&[90, 10]).weights(share), [900_000, 100_000]);
        assert_eq!(split(&[100, 0]).weights(Percent::ALL), [0, 1_000_000]);
        let three = split(&[2, 5, 1]).weights(share);
        assert_eq!(three, [600_000, 100_000, 300_000]);
        assert_eq!(
            split(&[0, 1, 0]).weights(share),
            [450_000, 100_000, 450_000]
        );
        assert_eq!(
            split(&[1, 0, 1, 1]).weights(share).iter().sum::<u32>(),
            1_000_000
        );
    }
}
