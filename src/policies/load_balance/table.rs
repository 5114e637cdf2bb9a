use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::machine::Picker;
use super::{LoadBalancePolicy, SlowStart};
use crate::foundation::endpoints::Endpoint;
use crate::foundation::endpoints::endpoint_set::{EndpointEntry, EndpointSnapshot};
use crate::foundation::sync::sharded_arc::{current_shard, shard_count};
use crate::foundation::time::clock;

/// Data for choices, rebuilt for each change of the endpoints or the policy.
#[derive(Debug)]
pub(super) struct EndpointTable<S> {
    pub(super) picker: Picker,
    /// Endpoints, those that can be chosen first.
    entries: Box<[TableEntry<S>]>,
    pub(super) goes_elsewhere: bool,
    /// True if an endpoint is ejected, and an observer will uneject it.
    has_ejected: bool,
    pub(super) mode: Mode,
    /// Endpoints with a request counter of each thread, created when the thread first chooses;
    /// empty if the method compares loads, which need a common counter.
    rows: Box<[OnceLock<Box<[Endpoint]>>]>,
    /// Time at which each endpoint was added, if known; in the order of the entries.
    since: Box<[Option<Instant>]>,
    slow_start: SlowStart,
    version: u64,
    /// True while an endpoint may have less than its full share.
    warms_up: AtomicBool,
    /// Time at which the last available endpoint has its full share.
    warm_at: Option<Instant>,
}

/// Extent of the choice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    Picked,
    Off,
    /// There is only one endpoint, and no observer: nothing needs to be counted.
    Only,
}

/// Endpoint and its service. Small, so that the entries of a thousand endpoints stay in the cache.
#[derive(Debug)]
pub(super) struct TableEntry<S> {
    pub(super) endpoint: Endpoint,
    pub(super) service: S,
}

impl<S: Clone> EndpointTable<S> {
    /// Builds the table of `policy` for the endpoints of `snapshot`; `is_watched` is true with an
    /// observer. Services of endpoints that stay are taken from `old`, others are created.
    pub(super) fn new(
        policy: &LoadBalancePolicy,
        snapshot: &EndpointSnapshot,
        is_watched: bool,
        old: Option<&Self>,
        make: &dyn Fn(&Endpoint) -> S,
    ) -> Self {
        let all = snapshot.all();
        let available = all.iter().filter(|member| !member.ejected).count();
        let panics = policy.panics(available, all.len());
        let chosen_from =
            |member: &&EndpointEntry| member.weight > 0 && (panics || !member.ejected);
        let (choosable, rest): (Vec<_>, Vec<_>) = all.iter().partition(chosen_from);
        let addresses: Vec<_> = choosable
            .iter()
            .map(|member| (member.endpoint.address().as_str(), member.weight))
            .collect();
        let slow_start = policy.slow_start();
        let since = choosable.iter().filter_map(|member| member.since).max();
        let warm_at = since.map(|since| clock::after(since, slow_start.window()));
        let known: HashMap<u64, &S> = old.map(Self::services).unwrap_or_default();
        let service = |endpoint: &Endpoint| match known.get(&endpoint.id()) {
            Some(service) => S::clone(service),
            None => make(endpoint),
        };
        let picker = Picker::new(policy.method(), &addresses);
        let mode = match picker {
            _ if !policy.is_on() => Mode::Off,
            Picker::One if !is_watched => Mode::Only,
            _ => Mode::Picked,
        };
        let entry = |member: &EndpointEntry| TableEntry {
            service: service(&member.endpoint),
            endpoint: member.endpoint.clone(),
        };
        let rows = if picker.compares() { 0 } else { shard_count() };
        let members = || choosable.iter().chain(&rest).copied();
        Self {
            picker,
            entries: members().map(entry).collect(),
            goes_elsewhere: policy.goes_elsewhere(),
            has_ejected: is_watched && available < all.len(),
            mode,
            rows: (0..rows).map(|_| OnceLock::new()).collect(),
            since: members().map(|member| member.since).collect(),
            slow_start,
            version: snapshot.version(),
            warms_up: AtomicBool::new(warm_at.is_some()),
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

impl<S> EndpointTable<S> {
    pub(super) fn entry(&self, index: usize) -> &TableEntry<S> {
        &self.entries[index]
    }

    /// Counts a request to an endpoint until the returned endpoint is dropped.
    #[inline]
    pub(super) fn send_to(&self, index: usize) -> Endpoint {
        if self.rows.is_empty() {
            return self.entries[index].endpoint.start_request();
        }
        // The number of rows is a power of two.
        let place = current_shard() & (self.rows.len() - 1);
        let row = self.rows[place].get_or_init(|| self.row(place));
        row[index].start_request()
    }

    #[cold]
    fn row(&self, place: usize) -> Box<[Endpoint]> {
        let all = self.entries.iter();
        all.map(|entry| entry.endpoint.at_shard(place)).collect()
    }

    /// Returns the single endpoint of all requests, if there is just one and no observer.
    pub(super) fn only(&self) -> Option<&TableEntry<S>> {
        let only = self.entries.first();
        only.filter(|_| self.mode == Mode::Only)
    }

    /// Returns the first endpoint, for a policy that is off.
    pub(super) fn first(&self) -> Option<&TableEntry<S>> {
        match self.picker {
            Picker::Empty => None,
            _ => self.entries.first(),
        }
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Returns true if the time matters: an endpoint is ejected, or may be in its slow start.
    #[inline]
    pub(super) fn needs_time(&self) -> bool {
        self.has_ejected || self.warms_up()
    }

    pub(super) const fn has_ejected(&self) -> bool {
        self.has_ejected
    }

    /// Returns true if an endpoint may still be in its slow start.
    #[inline]
    pub(super) fn warms_up(&self) -> bool {
        self.warms_up.load(Ordering::Relaxed)
    }

    /// Ends the slow start if it is over at `now`, so that later requests need not read the time.
    pub(super) fn observe_time(&self, now: Instant) {
        if self.warm_at.is_none_or(|at| at <= now) {
            // Relaxed: a thread that still sees `true` only reads the time once more.
            self.warms_up.store(false, Ordering::Relaxed);
        }
    }

    /// Returns the current fraction of an endpoint's weight; none if it is the full weight.
    pub(super) fn weight_share(&self, index: usize, now: Instant) -> Option<f64> {
        let since = self.since[index]?;
        let part = self.slow_start.part(now.saturating_duration_since(since));
        (part < 1.0).then_some(part)
    }
}
