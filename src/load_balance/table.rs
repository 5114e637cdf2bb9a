use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::machine::Chooser;
use super::seat::Seat;
use super::{LoadBalancePolicy, SlowStart};
use crate::base::endpoints::{Member, Snapshot};
use crate::base::{Endpoint, EndpointObserver};

/// Everything that a choice needs, made once for each change of the endpoints or the policy.
#[derive(Debug)]
pub(super) struct Table<S> {
    pub(super) chooser: Chooser,
    /// Those that can be chosen come first.
    entries: Box<[Entry<S>]>,
    pub(super) is_on: bool,
    pub(super) goes_elsewhere: bool,
    /// Whether any endpoint is out.
    pub(super) has_ejected: bool,
    /// Since when each endpoint is there, if that is known; in the order of the entries.
    since: Box<[Option<Instant>]>,
    slow_start: SlowStart,
    version: u64,
    warm: AtomicBool,
    /// When the last of those that can be chosen has its full share.
    warm_at: Option<Instant>,
}

/// Small, so that those of a thousand stay in the cache.
#[derive(Debug)]
pub(super) struct Entry<S> {
    pub(super) endpoint: Endpoint,
    /// None if nobody hears of it.
    pub(super) seat: Option<Arc<Seat>>,
    pub(super) service: S,
}

impl<S: Clone> Table<S> {
    /// Prepares `policy` for the endpoints of `snapshot`, of which `observer` hears. Services of
    /// endpoints that are still there are taken from `old`, others made.
    pub(super) fn new(
        policy: &LoadBalancePolicy,
        snapshot: &Snapshot,
        observer: Option<&Arc<dyn EndpointObserver>>,
        old: Option<&Self>,
        make: &dyn Fn(&Endpoint) -> S,
    ) -> Self {
        let all = snapshot.all();
        let available = all.iter().filter(|member| !member.ejected).count();
        let panics = policy.panics(available, all.len());
        let chosen_from = |member: &&Member| member.weight > 0 && (panics || !member.ejected);
        let (choosable, rest): (Vec<_>, Vec<_>) = all.iter().partition(chosen_from);
        let addresses: Vec<_> = choosable
            .iter()
            .map(|member| (member.endpoint.address().as_str(), member.weight))
            .collect();
        let slow_start = policy.slow_start();
        let since = choosable.iter().filter_map(|member| member.since).max();
        let warm_at = since.and_then(|since| since.checked_add(slow_start.window()));
        let known: HashMap<u64, &S> = old.map(Self::services).unwrap_or_default();
        let service = |endpoint: &Endpoint| match known.get(&endpoint.id()) {
            Some(service) => S::clone(service),
            None => make(endpoint),
        };
        let entry = |member: &Member| Entry {
            service: service(&member.endpoint),
            endpoint: member.endpoint.clone(),
            seat: observer.map(|observer| {
                Arc::new(Seat {
                    endpoint: member.endpoint.clone(),
                    observer: Arc::clone(observer),
                })
            }),
        };
        let members = || choosable.iter().chain(&rest).copied();
        Self {
            chooser: Chooser::new(policy.method(), &addresses),
            entries: members().map(entry).collect(),
            is_on: policy.is_on(),
            goes_elsewhere: policy.goes_elsewhere(),
            has_ejected: available < all.len(),
            since: members().map(|member| member.since).collect(),
            slow_start,
            version: snapshot.version(),
            warm: AtomicBool::new(false),
            warm_at,
        }
    }

    fn services(&self) -> HashMap<u64, &S> {
        let entries = self.entries.iter();
        entries
            .map(|entry| (entry.endpoint.id(), &entry.service))
            .collect()
    }
}

impl<S> Table<S> {
    pub(super) fn entry(&self, index: usize) -> &Entry<S> {
        &self.entries[index]
    }

    /// The endpoint that every request goes to, of which nobody is told: nothing needs to be counted.
    pub(super) fn only(&self) -> Option<&Entry<S>> {
        match self.chooser {
            Chooser::One if self.is_on => self.entries.first().filter(|only| only.seat.is_none()),
            _ => None,
        }
    }

    /// The first endpoint, for who has to take one without choosing.
    pub(super) fn first(&self) -> Option<&Entry<S>> {
        match self.chooser {
            Chooser::Nobody => None,
            _ => self.entries.first(),
        }
    }

    pub(super) fn is_of(&self, version: u64) -> bool {
        self.version == version
    }

    /// Says whether an endpoint may still be in its slow start, which is when the time matters.
    pub(super) fn warms_up(&self) -> bool {
        self.warm_at.is_some() && !self.warm.load(Ordering::Relaxed)
    }

    /// Takes note of the time, so that it need not be read for ever.
    pub(super) fn note(&self, now: Instant) {
        if self.warm_at.is_none_or(|at| at <= now) {
            self.warm.store(true, Ordering::Relaxed);
        }
    }

    /// The part of its weight that an endpoint has by now; None if it is all.
    pub(super) fn part(&self, index: usize, now: Instant) -> Option<f64> {
        let since = self.since[index]?;
        let part = self.slow_start.part(now.saturating_duration_since(since));
        (part < 1.0).then_some(part)
    }
}
