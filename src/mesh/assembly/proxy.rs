use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::{ArcSwap, Guard};

use super::destination::{DestinationState, Key};
use super::discarded::{Discarded, Leftover};
use super::live::LivePlan;
use super::options::Options;
use super::plans::Plans;
use crate::istio::plan::{DestinationPlan, GatewayPlan, LimitPlan, Subject};
use crate::rate_limit::{RateLimitGate, RateLimitLayer};
use crate::traffic_split::{Destination, WeightedDestination};

/// What would be one Envoy: all that a workload or a gateway knows and remembers, whichever clients and
/// servers are made of it.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) options: Options,
    pub(super) subject: Subject,
    pub(super) role: Role,
    live: ArcSwap<LivePlan>,
    version: AtomicU64,
    state: Mutex<State>,
    inbound: ArcSwap<Gates>,
    /// The clients that it has, each with routes of its own.
    followers: Mutex<Vec<Weak<dyn Follow>>>,
    discarded: Discarded,
}

/// A client that goes over to a new plan with its proxy.
pub(super) trait Follow: Send + Sync {
    /// Goes over to the plan that is live, which has no more use for the destinations that are `gone`;
    /// returns what is left over.
    fn follow(&self, gone: &[Key]) -> Option<Box<dyn Leftover>>;
}

/// How many hosts that no route names are remembered, of each client.
pub(super) const MAX_UNNAMED: usize = 1_024;

/// Limits, each with the port that it is for.
type Gates = Vec<(Option<u16>, RateLimitGate)>;

/// Whom a proxy works for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Role {
    Gateway,
    Workload,
}

#[derive(Debug, Default)]
struct State {
    destinations: HashMap<Key, Arc<DestinationState>>,
    /// By the host that they are for; each with its id.
    limits: HashMap<Arc<str>, Vec<(Arc<str>, RateLimitLayer)>>,
}

impl Role {
    /// Asks what a proxy is to do.
    pub(super) fn plan(self, plans: &dyn Plans, subject: &Subject) -> GatewayPlan {
        match self {
            Self::Gateway => plans
                .gateway(&subject.name, &subject.namespace)
                .unwrap_or_default(),
            Self::Workload => GatewayPlan {
                inbound: plans.inbound(subject),
                outbound: plans.outbound(subject),
                servers: Vec::new(),
            },
        }
    }
}

impl Proxy {
    pub(super) fn new(role: Role, subject: Subject, live: LivePlan, options: Options) -> Self {
        let proxy = Self {
            options,
            subject,
            role,
            version: AtomicU64::new(live.version),
            live: ArcSwap::from_pointee(live),
            state: Mutex::default(),
            inbound: ArcSwap::default(),
            followers: Mutex::default(),
            discarded: Discarded::default(),
        };
        proxy.open_inbound();
        proxy
    }

    pub(super) fn version(&self) -> u64 {
        // With `adopt`: who sees a version finds its plan.
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn live(&self) -> Arc<LivePlan> {
        self.live.load_full()
    }

    /// The limits of requests that come in, each with the port that it is for.
    pub(super) fn inbound(&self) -> Guard<Arc<Gates>> {
        self.inbound.load()
    }

    /// Takes a new plan for what comes from now on. What it remembers of a destination or a limit
    /// stays, as far as the new plan still names it.
    pub(super) fn adopt(&self, live: LivePlan) {
        let known: Vec<_> = self.lock().destinations.keys().cloned().collect();
        // Not under the lock, which requests for hosts that are new to it wait for.
        let mut plans = self.plans_of(&live, known);
        // Dropped when the lock is gone: a detector tells observers whom it takes back.
        let mut gone = Vec::new();
        let (kept, limits) = {
            let mut state = self.lock();
            state.destinations.retain(|key, destination| {
                let plan = plans.remove(key);
                // What was made meanwhile was made by the old plan.
                let plan = plan.unwrap_or_else(|| plan_of(&live, &self.subject, key));
                let Some(plan) = plan else {
                    gone.push((key.clone(), Arc::clone(destination)));
                    return false;
                };
                destination.plan_anew(plan);
                true
            });
            gone.extend(forget_strangers(&mut state, &live));
            let policies: HashMap<_, _> = live.limits().map(|limit| (&*limit.id, limit)).collect();
            state.limits.retain(|_, of_host| {
                of_host.retain(|(id, _)| policies.contains_key(&**id));
                !of_host.is_empty()
            });
            let limits = state.limits.values().flatten();
            let limits: Vec<_> = limits
                .map(|(id, layer)| (layer.clone(), policies[&**id].policy.clone()))
                .collect();
            let kept: Vec<_> = state.destinations.values().cloned().collect();
            let version = live.version;
            // Under the lock, so that nothing is made by the old plan after this.
            self.live.store(Arc::new(live));
            self.version.store(version, Ordering::Release);
            (kept, limits)
        };
        for destination in kept {
            destination.follow_plan();
        }
        for (layer, policy) in limits {
            layer.reconfigure(policy.with_max_queue(0));
        }
        self.open_inbound();
        for (_, destination) in &gone {
            destination.retire();
        }
        let gone: Vec<_> = gone.into_iter().map(|(key, _)| key).collect();
        self.lead(&gone);
    }

    /// Has a client go over to each new plan from now on.
    pub(super) fn followed_by(&self, follower: Weak<dyn Follow>) {
        let mut followers = self.followers();
        followers.retain(|known| known.strong_count() > 0);
        followers.push(follower);
    }

    /// Has all clients go over to the plan that is live, so that no request has to.
    fn lead(&self, gone: &[Key]) {
        let followers: Vec<_> = self.followers().iter().filter_map(Weak::upgrade).collect();
        for follower in followers {
            if let Some(leftover) = follower.follow(gone) {
                self.discarded.take(leftover);
            }
        }
    }

    /// Returns the plans of destinations; `None` for those that are no longer named.
    fn plans_of(&self, live: &LivePlan, known: Vec<Key>) -> HashMap<Key, Option<DestinationPlan>> {
        let named: HashSet<&Destination> = live
            .routes()
            .flat_map(|route| {
                let mirrors = route.mirrors.iter().map(|(destination, _)| destination);
                let weighted = route.route.destinations().iter();
                weighted
                    .map(WeightedDestination::destination)
                    .chain(mirrors)
            })
            .collect();
        let plan = |key: Key| {
            let is_known = key.is_unnamed() || named.contains(key.destination());
            let plan = is_known.then(|| plan_of(live, &self.subject, &key));
            (key, plan.flatten())
        };
        known.into_iter().map(plan).collect()
    }

    /// Returns what is remembered of a destination; `None` if no document says anything of one that no
    /// route names.
    pub(super) fn destination(&self, key: &Key) -> Option<Arc<DestinationState>> {
        let mut state = self.lock();
        if let Some(known) = state.destinations.get(key) {
            return Some(Arc::clone(known));
        }
        let plan = plan_of(&self.live.load(), &self.subject, key)?;
        let made = Arc::new(DestinationState::new(key.clone(), plan, &self.options));
        state.destinations.insert(key.clone(), Arc::clone(&made));
        Some(made)
    }

    /// Forgets a host that no route names.
    pub(super) fn forget(&self, key: &Key) {
        let host = key.destination().host();
        let _gone = {
            let mut state = self.lock();
            (state.limits.remove(host), state.destinations.remove(key))
        };
    }

    pub(super) fn knows(&self, key: &Key) -> bool {
        self.lock().destinations.contains_key(key)
    }

    /// Returns the limit that a plan sets for a host.
    pub(super) fn limit(&self, plan: &LimitPlan, host: &Arc<str>) -> RateLimitLayer {
        let mut state = self.lock();
        let of_host = state.limits.entry(Arc::clone(host)).or_default();
        if let Some((_, limit)) = of_host.iter().find(|(id, _)| *id == plan.id) {
            return limit.clone();
        }
        let policy = plan.policy.clone().with_max_queue(0);
        let limit = RateLimitLayer::observed(policy, Arc::clone(&self.options.observe));
        of_host.push((Arc::clone(&plan.id), limit.clone()));
        limit
    }

    /// Returns how many things it remembers.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        let state = self.lock();
        let limits = state.limits.values().map(Vec::len);
        state.destinations.len() + limits.sum::<usize>()
    }

    /// Says whether all that changes left over is freed.
    #[cfg(test)]
    pub(super) fn is_all_freed(&self) -> bool {
        self.discarded.is_empty()
    }

    fn open_inbound(&self) {
        let host = Arc::from("");
        let live = self.live();
        let gates = live.inbound.iter().map(|plan| {
            let limit = self.limit(plan, &host);
            (plan.port, limit.gate())
        });
        self.inbound.store(Arc::new(gates.collect()));
    }

    fn followers(&self) -> MutexGuard<'_, Vec<Weak<dyn Follow>>> {
        self.followers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each entry is whole by itself, whatever panics between two of them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what is remembered of hosts that no route names, if that is more than one client keeps.
fn forget_strangers(state: &mut State, live: &LivePlan) -> Vec<(Key, Arc<DestinationState>)> {
    let hosts: HashSet<_> = live.outbound.hosts.iter().map(|host| &*host.id).collect();
    let is_stranger = |host: &Arc<str>| !host.is_empty() && !hosts.contains(&**host);
    let strangers = state.limits.iter().filter(|(host, _)| is_stranger(host));
    if strangers.map(|(_, limits)| limits.len()).sum::<usize>() > MAX_UNNAMED {
        state.limits.retain(|host, _| !is_stranger(host));
    }
    let strangers = state.destinations.keys().filter(|key| key.is_unnamed());
    if strangers.count() <= MAX_UNNAMED {
        return Vec::new();
    }
    let gone = state.destinations.extract_if(|key, _| key.is_unnamed());
    gone.collect()
}

fn plan_of(live: &LivePlan, subject: &Subject, key: &Key) -> Option<DestinationPlan> {
    let (destination, port) = (key.destination(), key.request_port());
    if key.is_unnamed() {
        return live
            .plans
            .unnamed(subject, destination.host(), port.unwrap_or_default());
    }
    Some(live.plans.destination(subject, destination, port))
}
