use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use arc_swap::ArcSwap;

use super::LoadBalancePolicy;
use super::algorithms::round_robin::RoundRobinCounter;
use super::single_endpoint::SingleEndpoint;
use super::table::EndpointTable;
use crate::foundation::endpoints::{Endpoint, EndpointObserver, Endpoints};
use crate::foundation::sync::sharded_arc::ShardedArc;

/// State of a balancer: its endpoints, its policy, and the table built from both.
pub(super) struct BalancerState<S> {
    pub(super) endpoints: Endpoints,
    pub(super) make: Make<S>,
    pub(super) observer: Option<ShardedArc<Arc<dyn EndpointObserver>>>,
    /// Current policy; locked while a table is built, never for a choice.
    pub(super) policy: Mutex<LoadBalancePolicy>,
    pub(super) single: SingleEndpoint,
    pub(super) table: ArcSwap<EndpointTable<S>>,
    pub(super) round_robin: RoundRobinCounter,
}

/// Factory for the service of an endpoint.
pub(super) type Make<S> = Arc<dyn Fn(&Endpoint) -> S + Send + Sync>;

impl<S: Clone> BalancerState<S> {
    pub(super) fn new(
        policy: LoadBalancePolicy,
        endpoints: Endpoints,
        make: Make<S>,
        observer: Option<ShardedArc<Arc<dyn EndpointObserver>>>,
        old: Option<&EndpointTable<S>>,
    ) -> Self {
        let snapshot = endpoints.snapshot();
        let table = EndpointTable::new(&policy, &snapshot, observer.is_some(), old, &*make);
        Self {
            endpoints,
            make,
            observer,
            policy: Mutex::new(policy),
            single: SingleEndpoint::new(&table),
            table: ArcSwap::from_pointee(table),
            round_robin: RoundRobinCounter::new(),
        }
    }

    pub(super) fn policy(&self) -> MutexGuard<'_, LoadBalancePolicy> {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Builds a table for changed endpoints, unless another thread is building one; until that is
    /// done, the old table stays in use.
    pub(super) fn catch_up(&self) {
        let policy: MutexGuard<'_, _> = match self.policy.try_lock() {
            Ok(policy) => policy,
            // Poisoned by a panic of `make`; the policy itself is intact.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.make_table(&policy);
    }

    pub(super) fn make_table(&self, policy: &LoadBalancePolicy) {
        let old = self.table.load();
        let snapshot = self.endpoints.snapshot();
        let is_watched = self.observer.is_some();
        let table = EndpointTable::new(policy, &snapshot, is_watched, Some(&old), &*self.make);
        // Before the table: a shortcut for a version that the table has not reached yet is still
        // correct.
        self.single.follow(&table);
        self.table.store(Arc::new(table));
    }
}
