use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};

use super::destination::{DestinationState, Key};
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
    limits: HashMap<Scope, RateLimitLayer>,
}

/// A limit, and the host that it is for.
#[derive(Debug, Eq, Hash, PartialEq)]
struct Scope {
    id: Arc<str>,
    host: Arc<str>,
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
        // Dropped when the lock is gone: a detector tells observers whom it takes back.
        let mut gone = Vec::new();
        let (kept, limits) = {
            let mut state = self.lock();
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
            state.destinations.retain(|key, destination| {
                let is_known = key.is_unnamed() || named.contains(key.destination());
                let plan = is_known.then(|| plan_of(&live, &self.subject, key));
                let Some(plan) = plan.flatten() else {
                    gone.push(Arc::clone(destination));
                    return false;
                };
                destination.plan_anew(plan);
                true
            });
            gone.extend(forget_strangers(&mut state, &live));
            let policies: HashMap<_, _> = live.limits().map(|limit| (&*limit.id, limit)).collect();
            state
                .limits
                .retain(|scope, _| policies.contains_key(&*scope.id));
            let limits: Vec<_> = state
                .limits
                .iter()
                .map(|(scope, layer)| (layer.clone(), policies[&*scope.id].policy.clone()))
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
            state.limits.retain(|scope, _| *scope.host != *host);
            state.destinations.remove(key)
        };
    }

    pub(super) fn knows(&self, key: &Key) -> bool {
        self.lock().destinations.contains_key(key)
    }

    /// Returns the limit that a plan sets for a host.
    pub(super) fn limit(&self, plan: &LimitPlan, host: &Arc<str>) -> RateLimitLayer {
        let scope = Scope {
            id: Arc::clone(&plan.id),
            host: Arc::clone(host),
        };
        let mut state = self.lock();
        let limit = state.limits.entry(scope).or_insert_with(|| {
            let policy = plan.policy.clone().with_max_queue(0);
            RateLimitLayer::observed(policy, Arc::clone(&self.options.observe))
        });
        limit.clone()
    }

    /// Returns how many things it remembers.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        let state = self.lock();
        state.destinations.len() + state.limits.len()
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

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each entry is whole by itself, whatever panics between two of them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what is remembered of hosts that no route names, if that is more than one client keeps.
fn forget_strangers(state: &mut State, live: &LivePlan) -> Vec<Arc<DestinationState>> {
    let hosts: HashSet<_> = live.outbound.hosts.iter().map(|host| &*host.id).collect();
    let is_stranger = |scope: &Scope| !scope.host.is_empty() && !hosts.contains(&*scope.host);
    if state
        .limits
        .keys()
        .filter(|scope| is_stranger(scope))
        .count()
        > MAX_UNNAMED
    {
        state.limits.retain(|scope, _| !is_stranger(scope));
    }
    let strangers = state.destinations.keys().filter(|key| key.is_unnamed());
    if strangers.count() <= MAX_UNNAMED {
        return Vec::new();
    }
    let gone = state.destinations.extract_if(|key, _| key.is_unnamed());
    gone.map(|(_, destination)| destination).collect()
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
