//! Known records and refresh times of a name. Time to live, failures and random bits are arguments.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::DnsPolicy;
use super::lookup::LookupResult;
use crate::foundation::outcome::DnsFailure;

/// Result of one resolution of a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RefreshOutcome {
    /// The resolution failed; the known records are kept.
    Failed(DnsFailure),
    Found(Duration),
    /// The name has no endpoints.
    Nothing,
}

/// A host and port whose addresses are endpoints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) weight: u32,
}

/// The answers to the questions for a target's IPv4 and IPv6 addresses.
pub(super) type Answers = [LookupResult<IpAddr>; 2];

/// The known records of a name: the addresses of each host, by family.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownRecords {
    hosts: BTreeMap<String, [Vec<IpAddr>; 2]>,
    targets: Vec<Target>,
    tried: Vec<Tried>,
}

/// Addresses of both families, and which of them work.
#[derive(Clone, Debug)]
struct Tried {
    at: Instant,
    families: [Vec<SocketAddr>; 2],
    works: [bool; 2],
}

/// The refresh schedule of a name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refresh {
    misses: u32,
    previous: Option<Duration>,
}

/// Upper bound of the random delay of a refresh, in nanoseconds, so that replicas do not query a
/// name server at the same moment. Istio's `PILOT_DNS_JITTER_DURATION`.
const JITTER: u64 = 100_000_000;
/// Time after which it is tried again which family works.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// Whatever the policy says, asking does not spin.
const SHORTEST: Duration = Duration::from_millis(1);

impl KnownRecords {
    /// Applies the answers to the known records and returns the result.
    ///
    /// If only one family has an answer, the addresses of the other are kept. Nothing changes if no
    /// host has an answer.
    pub(super) fn update(&mut self, answers: Vec<(Target, Answers)>) -> RefreshOutcome {
        let mut next = Self {
            tried: self.tried.clone(),
            ..Self::default()
        };
        let mut ttl: Option<Duration> = None;
        let mut failed = None;
        for (target, families) in answers {
            // Starts from the known addresses, which a failed family keeps.
            let mut addresses = self.hosts.get(&target.host).cloned().unwrap_or_default();
            for (family, answer) in addresses.iter_mut().zip(families) {
                match answer {
                    LookupResult::Failed(reason) => failed = Some(reason),
                    LookupResult::Found {
                        mut records,
                        ttl: new,
                    } => {
                        // Sorted, so that a rotated answer compares as equal.
                        records.sort_unstable();
                        records.dedup();
                        *family = records;
                        ttl = Some(ttl.map_or(new, |old| old.min(new)));
                    }
                    LookupResult::Nothing => family.clear(),
                }
            }
            next.hosts.insert(target.host.clone(), addresses);
            next.targets.push(target);
        }
        match (ttl, failed) {
            (None, Some(reason)) => RefreshOutcome::Failed(reason),
            (Some(ttl), _) => {
                *self = next;
                RefreshOutcome::Found(ttl)
            }
            (None, None) => {
                *self = Self::default();
                RefreshOutcome::Nothing
            }
        }
    }

    /// Removes all records.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The addresses with their weights; answers in another order make the same list. Weights of hosts that
    /// share an address are added.
    pub(super) fn addresses(&self) -> Vec<(SocketAddr, u32)> {
        let mut all: BTreeMap<SocketAddr, u32> = BTreeMap::new();
        for target in &self.targets {
            let works = self.works(target);
            for (family, works) in self.families(target).into_iter().zip(works) {
                for address in family.into_iter().filter(|_| works) {
                    let weight = all.entry(address).or_default();
                    *weight = weight.saturating_add(target.weight);
                }
            }
        }
        all.into_iter().collect()
    }

    /// The addresses of which it is to be found out at `now` which family works.
    pub(super) fn untried(&self, now: Instant) -> Vec<[Vec<SocketAddr>; 2]> {
        let all = self.targets.iter().map(|target| self.families(target));
        let mixed = all.filter(|families| families.iter().all(|family| !family.is_empty()));
        mixed
            .filter(|families| {
                let tried = self.tried.iter().find(|tried| tried.families == *families);
                tried.is_none_or(|tried| now.saturating_duration_since(tried.at) >= TRY_AGAIN)
            })
            .collect()
    }

    /// Takes note of which families work at `now`.
    pub(super) fn note(&mut self, now: Instant, found: Vec<([Vec<SocketAddr>; 2], [bool; 2])>) {
        let targets = self.targets.iter().map(|target| self.families(target));
        let current: Vec<_> = targets.collect();
        self.tried.retain(|tried| {
            let is_new = found
                .iter()
                .any(|(families, _)| *families == tried.families);
            !is_new && current.contains(&tried.families)
        });
        let found = found.into_iter().map(|(families, works)| Tried {
            at: now,
            families,
            works,
        });
        self.tried.extend(found);
    }

    fn works(&self, target: &Target) -> [bool; 2] {
        if self.tried.is_empty() {
            return [true, true];
        }
        let families = self.families(target);
        let tried = self.tried.iter().find(|tried| tried.families == families);
        tried.map_or([true, true], |tried| tried.works)
    }

    fn families(&self, target: &Target) -> [Vec<SocketAddr>; 2] {
        let known = self.hosts.get(&target.host).cloned().unwrap_or_default();
        known.map(|family| {
            let addresses = family.into_iter();
            addresses
                .map(|ip| SocketAddr::new(ip, target.port))
                .collect()
        })
    }
}

impl Refresh {
    /// Returns the time until the next refresh, given 64 random bits.
    pub(super) fn wait(
        &mut self,
        outcome: RefreshOutcome,
        policy: &DnsPolicy,
        random: u64,
    ) -> Duration {
        let wait = if let RefreshOutcome::Found(ttl) = outcome {
            *self = Self::default();
            policy.clamp(ttl) + Duration::from_nanos(random % JITTER)
        } else {
            let wait = policy.backoff().delay(self.misses, self.previous, random);
            self.misses = self.misses.saturating_add(1);
            self.previous = Some(wait);
            wait
        };
        wait.max(SHORTEST)
    }
}
