use std::time::Instant;

use crate::foundation::endpoints::Endpoint;

/// The members of a set with their ejection state, changed under a lock by one writer at a time.
#[derive(Debug, Default)]
pub(super) struct EndpointSet {
    all: Vec<EndpointEntry>,
    version: u64,
}

/// One member of a set.
#[derive(Clone, Debug)]
pub(crate) struct EndpointEntry {
    pub(crate) ejected: bool,
    pub(crate) endpoint: Endpoint,
    /// Time at which the endpoint was added or unejected, for slow start; `None` for the first
    /// list.
    pub(crate) since: Option<Instant>,
    pub(crate) weight: u32,
}

impl EndpointSet {
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let all = self.all.iter();
        all.map(|member| member.endpoint.clone()).collect()
    }

    /// Replaces the list; returns true if anything changed.
    pub(super) fn update(&mut self, endpoints: &[Endpoint], now: Instant) -> bool {
        // The first endpoints of a set start without slow start: no older one could take their
        // share.
        let since = (!self.all.is_empty()).then_some(now);
        let mut next: Vec<EndpointEntry> = Vec::with_capacity(endpoints.len());
        let mut known = EntryLookup::of(&self.all);
        let mut taken = EntryLookup::default();
        for endpoint in endpoints {
            if !taken.insert(endpoint) {
                continue;
            }
            let weight = endpoint.weight();
            next.push(match known.take(endpoint) {
                Some(member) => {
                    member.endpoint.set_weight(weight);
                    EndpointEntry { weight, ..member }
                }
                None => EndpointEntry {
                    ejected: false,
                    endpoint: endpoint.clone(),
                    since,
                    weight,
                },
            });
        }
        let unchanged = next.len() == self.all.len()
            && next
                .iter()
                .zip(&self.all)
                .all(|(new, old)| new.endpoint == old.endpoint && new.weight == old.weight);
        self.all = next;
        // Unchanged lists keep the version, so that balancers need not rebuild their tables.
        self.version += u64::from(!unchanged);
        !unchanged
    }

    /// Ejects or unejects an endpoint; returns true if anything changed.
    pub(super) fn set_ejected(&mut self, id: u64, ejected: bool, now: Instant) -> bool {
        let mut all = self.all.iter_mut();
        let Some(member) = all.find(|member| member.endpoint.id() == id) else {
            return false;
        };
        if member.ejected == ejected {
            return false;
        }
        member.ejected = ejected;
        if !ejected {
            member.since = Some(now);
        }
        self.version += 1;
        true
    }

    pub(super) fn snapshot(&self) -> EndpointSnapshot {
        EndpointSnapshot {
            all: self.all.clone().into(),
            version: self.version,
        }
    }
}

/// Lookup of members by address and labels.
#[derive(Default)]
struct EntryLookup(std::collections::HashMap<String, Vec<EndpointEntry>>);

impl EntryLookup {
    fn of(members: &[EndpointEntry]) -> Self {
        let mut known = Self::default();
        for member in members {
            let same_address = known.0.entry(address(&member.endpoint)).or_default();
            same_address.push(member.clone());
        }
        known
    }

    fn take(&mut self, endpoint: &Endpoint) -> Option<EndpointEntry> {
        let same_address = self.0.get_mut(&address(endpoint))?;
        let place = |member: &EndpointEntry| member.endpoint.is_same_address(endpoint);
        let index = same_address.iter().position(place)?;
        Some(same_address.swap_remove(index))
    }

    /// Adds an endpoint; returns true if its address and labels were not present.
    fn insert(&mut self, endpoint: &Endpoint) -> bool {
        let same_address = self.0.entry(address(endpoint)).or_default();
        if same_address
            .iter()
            .any(|member| member.endpoint.is_same_address(endpoint))
        {
            return false;
        }
        same_address.push(EndpointEntry {
            ejected: false,
            endpoint: endpoint.clone(),
            since: None,
            weight: 0,
        });
        true
    }
}

/// Returns the lookup key. Two spellings of an authority may be equal, so the key is in lower case.
fn address(endpoint: &Endpoint) -> String {
    endpoint.address().as_str().to_ascii_lowercase()
}

/// Immutable snapshot of a set.
#[derive(Debug)]
pub(crate) struct EndpointSnapshot {
    all: Box<[EndpointEntry]>,
    version: u64,
}

impl EndpointSnapshot {
    pub(crate) fn all(&self) -> &[EndpointEntry] {
        &self.all
    }

    pub(crate) const fn version(&self) -> u64 {
        self.version
    }
}
