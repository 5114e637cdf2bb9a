use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use arc_swap::ArcSwap;

use super::LoadBalancePolicy;
use super::shortcut::Shortcut;
use super::table::Table;
use super::turns::Turns;
use crate::base::spread::Home;
use crate::base::{Endpoint, EndpointObserver, Endpoints};

/// What a balancer keeps: its endpoints, its policy, and the table made of both.
pub(super) struct Core<S> {
    pub(super) endpoints: Endpoints,
    pub(super) make: Make<S>,
    pub(super) observer: Option<Home<Arc<dyn EndpointObserver>>>,
    /// Locked by whoever makes a table, never by whoever only chooses.
    pub(super) policy: Mutex<LoadBalancePolicy>,
    pub(super) shortcut: Shortcut,
    pub(super) table: ArcSwap<Table<S>>,
    pub(super) turns: Turns,
}

/// Makes the service of an endpoint.
pub(super) type Make<S> = Arc<dyn Fn(&Endpoint) -> S + Send + Sync>;

impl<S: Clone> Core<S> {
    pub(super) fn new(
        policy: LoadBalancePolicy,
        endpoints: Endpoints,
        make: Make<S>,
        observer: Option<Home<Arc<dyn EndpointObserver>>>,
        old: Option<&Table<S>>,
    ) -> Self {
        let snapshot = endpoints.snapshot();
        let table = Table::new(&policy, &snapshot, observer.is_some(), old, &*make);
        Self {
            endpoints,
            make,
            observer,
            policy: Mutex::new(policy),
            shortcut: Shortcut::new(&table),
            table: ArcSwap::from_pointee(table),
            turns: Turns::new(),
        }
    }

    pub(super) fn policy(&self) -> MutexGuard<'_, LoadBalancePolicy> {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a table for endpoints that have changed, unless somebody is at it already: then the old
    /// one does for a moment longer.
    pub(super) fn catch_up(&self) {
        let policy: MutexGuard<'_, _> = match self.policy.try_lock() {
            Ok(policy) => policy,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.make_table(&policy);
    }

    pub(super) fn make_table(&self, policy: &LoadBalancePolicy) {
        let old = self.table.load();
        let snapshot = self.endpoints.snapshot();
        let is_watched = self.observer.is_some();
        let table = Table::new(policy, &snapshot, is_watched, Some(&old), &*self.make);
        self.shortcut.follow(&table);
        self.table.store(Arc::new(table));
    }
}
