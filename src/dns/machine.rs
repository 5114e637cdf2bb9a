//! What answers mean for a name, and when to ask again. Time to live, failures and chance are arguments.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::DnsPolicy;
use super::lookup::{Answer, Service};
use crate::base::Unresolved;

/// What one resolution of a name came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// Nobody knows; what was known stays.
    Failed(Unresolved),
    Found(Duration),
    /// It is known that there is nothing.
    Nothing,
}

/// A host and a port that a name leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) weight: u32,
}

/// The answers to the questions for a target's IPv4 and IPv6 addresses.
pub(super) type Answers = [Answer<IpAddr>; 2];

/// What a name stands for, as far as is known: the addresses of each host, by family.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    hosts: BTreeMap<String, [Vec<IpAddr>; 2]>,
    targets: Vec<Target>,
}

/// When to ask again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refresh {
    misses: u32,
    previous: Option<Duration>,
}

/// Asked at the very same moment by all replicas of a caller, a name server would have to be larger
/// than it need be. Istio's `PILOT_DNS_JITTER_DURATION`, in nanoseconds.
const JITTER: u64 = 100_000_000;
/// Whatever the policy says, asking does not spin.
const SHORTEST: Duration = Duration::from_millis(1);

impl Known {
    /// Takes the answers in, and says what they come to.
    ///
    /// An answer for one family is worth something without the other: then the addresses of the other
    /// stay as they were. Nothing changes if no host has an answer.
    pub(super) fn take_in(&mut self, answers: Vec<(Target, Answers)>) -> Outcome {
        let mut next = Self::default();
        let mut ttl: Option<Duration> = None;
        let mut failed = None;
        for (target, families) in answers {
            let mut addresses = self.hosts.get(&target.host).cloned().unwrap_or_default();
            for (family, answer) in addresses.iter_mut().zip(families) {
                match answer {
                    Answer::Failed(why) => failed = Some(why),
                    Answer::Found {
                        mut records,
                        ttl: new,
                    } => {
                        records.sort_unstable();
                        *family = records;
                        ttl = Some(ttl.map_or(new, |old| old.min(new)));
                    }
                    Answer::Nothing => family.clear(),
                }
            }
            next.hosts.insert(target.host.clone(), addresses);
            next.targets.push(target);
        }
        match (ttl, failed) {
            (None, Some(why)) => Outcome::Failed(why),
            (Some(ttl), _) => {
                *self = next;
                Outcome::Found(ttl)
            }
            (None, None) => {
                *self = Self::default();
                Outcome::Nothing
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The addresses with their weights; answers in another order make the same list.
    pub(super) fn addresses(&self) -> Vec<(SocketAddr, u32)> {
        let mut all = Vec::new();
        for target in &self.targets {
            let families = self.hosts.get(&target.host).into_iter().flatten();
            let addresses = families.flatten();
            all.extend(addresses.map(|ip| (SocketAddr::new(*ip, target.port), target.weight)));
        }
        all.sort_unstable();
        all.dedup_by_key(|(address, _)| *address);
        all
    }
}

/// Returns where a service is to be found: the hosts with the lowest number for a priority.
pub(super) fn targets(services: Vec<Service>) -> Vec<Target> {
    let first = services.iter().map(|service| service.priority).min();
    let chosen: Vec<_> = services
        .into_iter()
        // A service that is decidedly not there has the root for its host (RFC 2782).
        .filter(|service| Some(service.priority) == first && service.host != ".")
        .collect();
    let all_zero = chosen.iter().all(|service| service.weight == 0);
    let some_zero = chosen.iter().any(|service| service.weight == 0);
    let weight = |weight: u16| match weight {
        0 => 1,
        weight if some_zero && !all_zero => u32::from(weight) * 100,
        weight => u32::from(weight),
    };
    let target = |service: Service| Target {
        host: service.host,
        port: service.port,
        weight: weight(service.weight),
    };
    chosen.into_iter().map(target).collect()
}

impl Refresh {
    /// Returns how long to wait before the name is asked for again, given 64 random bits.
    pub(super) fn wait(&mut self, outcome: Outcome, policy: &DnsPolicy, roll: u64) -> Duration {
        let wait = if let Outcome::Found(ttl) = outcome {
            *self = Self::default();
            policy.clamp(ttl) + Duration::from_nanos(roll % JITTER)
        } else {
            let wait = policy.backoff().delay(self.misses, self.previous, roll);
            self.misses = self.misses.saturating_add(1);
            self.previous = Some(wait);
            wait
        };
        wait.max(SHORTEST)
    }
}
