//! State of each connection and of each authority of a pool.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::time::Instant;

/// Identifier of a connection or of a waiter; later ones are greater.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct PoolId(pub(super) u64);

/// Identifier of an authority while it has a usable connection or a waiter.
///
/// A key is hashed once for each request, and its authority is found by this afterwards.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct HostId(u64);

/// Assumed maximum of concurrent streams of an HTTP/2 connection before its peer's SETTINGS arrive
/// (the minimum that RFC 9113 6.5.2 recommends).
const STREAMS: u32 = 100;

#[derive(Debug)]
pub(super) struct ConnectionState {
    /// True while the maximum number of concurrent requests is unknown.
    pub(super) coming: bool,
    pub(super) host: HostId,
    pub(super) idle_since: Instant,
    pub(super) max_streams: u32,
    pub(super) opened: Instant,
    pub(super) phase: Phase,
    pub(super) served: u32,
    pub(super) streams: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Connecting,
    /// Closed before it was reported as connected.
    Lost,
    Open,
    /// Has requests in flight, and gets no further ones.
    Retiring,
    /// Being closed.
    Closing,
}

impl ConnectionState {
    pub(super) const fn new(host: HostId, now: Instant) -> Self {
        Self {
            coming: true,
            host,
            idle_since: now,
            max_streams: 0,
            opened: now,
            phase: Phase::Connecting,
            served: 0,
            streams: 0,
        }
    }

    /// Returns true if the connection can carry further requests, now or later.
    pub(super) const fn is_usable(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Lost | Phase::Open)
    }

    /// Returns true if the connection can take one more request, and has served fewer than
    /// `max_served`.
    pub(super) const fn has_room(&self, max_served: u32) -> bool {
        matches!(self.phase, Phase::Open)
            && self.streams < self.max_streams
            && self.served < max_served
    }
}

/// State of one authority: its waiters, and its connections that can take a request.
#[derive(Debug)]
pub(super) struct HostState<K> {
    /// Number of connections with unknown capacity (see [`ConnectionState::coming`]).
    pub(super) coming: u32,
    /// Assumed number of concurrent requests for each of them.
    pub(super) expected: u32,
    /// One of its connections has carried a second request.
    pub(super) is_kept_alive: bool,
    /// Its connections are closed when they are idle.
    pub(super) is_leaving: bool,
    pub(super) key: K,
    /// Those that can take a request; the last one gets it, so that the others become idle.
    pub(super) ready: Vec<PoolId>,
    /// Number of usable connections.
    pub(super) usable: u32,
    pub(super) waiting: BTreeSet<PoolId>,
}

impl<K> HostState<K> {
    /// Returns the number of waiters that exceed the capacity of the coming connections.
    pub(super) fn uncovered(&self) -> usize {
        // In 64 bits, since the product of two `u32` may overflow.
        let coming = u64::from(self.coming) * u64::from(self.expected);
        let covered = usize::try_from(coming).unwrap_or(usize::MAX);
        self.waiting.len().saturating_sub(covered)
    }
}

/// The authorities that have a usable connection or a waiter.
#[derive(Debug)]
pub(super) struct Hosts<K> {
    /// Those that closed a connection after its first request, and have carried no second one since.
    closers: HashSet<K>,
    states: BTreeMap<HostId, HostState<K>>,
    ids: HashMap<K, HostId>,
    last: u64,
}

/// Most authorities that are remembered for closing their connections.
const MAX_CLOSERS: usize = 256;

impl<K> Default for Hosts<K> {
    fn default() -> Self {
        Self {
            closers: HashSet::new(),
            states: BTreeMap::new(),
            ids: HashMap::new(),
            last: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Hosts<K> {
    /// Takes note that a connection carried a second request.
    pub(super) fn is_kept_alive(&mut self, id: HostId) {
        if let Some(host) = self.states.get_mut(&id)
            && !host.is_kept_alive
        {
            host.is_kept_alive = true;
            self.closers.remove(&host.key);
        }
    }

    /// Takes note that a connection was closed after its first request.
    pub(super) fn closes(&mut self, id: HostId) {
        if let Some(host) = self.states.get(&id) {
            if self.closers.len() >= MAX_CLOSERS {
                self.closers.clear();
            }
            self.closers.insert(host.key.clone());
        }
    }

    pub(super) fn is_closer(&self, id: HostId) -> bool {
        let host = self.states.get(&id);
        host.is_some_and(|host| self.closers.contains(&host.key))
    }

    pub(super) fn id(&self, key: &K) -> Option<HostId> {
        self.ids.get(key).copied()
    }

    pub(super) fn get(&self, key: &K) -> Option<&HostState<K>> {
        self.host(self.id(key)?)
    }

    pub(super) fn host(&self, id: HostId) -> Option<&HostState<K>> {
        self.states.get(&id)
    }

    pub(super) fn host_mut(&mut self, id: HostId) -> Option<&mut HostState<K>> {
        self.states.get_mut(&id)
    }

    /// Returns the authority of a key, which is new if it had no connection and no waiter.
    pub(super) fn entry(&mut self, key: &K, http2: bool) -> (HostId, &mut HostState<K>) {
        let id = self.id(key).unwrap_or_else(|| {
            self.last += 1;
            let id = HostId(self.last);
            self.ids.insert(key.clone(), id);
            id
        });
        let host = self.states.entry(id).or_insert_with(|| HostState {
            coming: 0,
            expected: if http2 { STREAMS } else { 1 },
            is_kept_alive: false,
            is_leaving: false,
            key: key.clone(),
            ready: Vec::new(),
            usable: 0,
            waiting: BTreeSet::new(),
        });
        (id, host)
    }

    /// Has the connections of some authorities be closed when they are idle; returns those for which no
    /// request waits.
    #[cfg(all(feature = "istio", feature = "reqwest"))]
    pub(super) fn leave(&mut self, is_meant: impl Fn(&K) -> bool) -> Vec<HostId> {
        let mut unwanted = Vec::new();
        for (id, host) in &mut self.states {
            if is_meant(&host.key) {
                host.is_leaving = true;
                if host.waiting.is_empty() {
                    unwanted.push(*id);
                }
            }
        }
        unwanted
    }

    /// Forgets an authority that has nothing left.
    pub(super) fn remove_if_empty(&mut self, id: HostId) {
        if let Some(host) = self.states.get(&id)
            && host.usable == 0
            && host.waiting.is_empty()
        {
            self.ids.remove(&host.key);
            self.states.remove(&id);
        }
    }

    /// Raises the assumed capacity of an authority whose connection negotiated HTTP/2, until its
    /// SETTINGS arrive.
    pub(super) fn expect_many(&mut self, id: HostId) {
        if let Some(host) = self.states.get_mut(&id)
            && host.expected == 1
        {
            host.expected = STREAMS;
        }
    }

    /// Returns the authority whose turn it is to get a connection, of all or of those that have `none`: one
    /// that has none at all before the others, and then whose first request came first.
    pub(super) fn next_to_connect(&self, none: bool) -> Option<HostId> {
        let needy = self.states.iter().filter(|(_, host)| host.uncovered() > 0);
        let needy = needy.filter(|(_, host)| !none || host.usable == 0);
        needy
            .min_by_key(|(_, host)| (host.usable > 0, host.waiting.first()))
            .map(|(id, _)| *id)
    }

    /// Returns the number of waiters of all authorities that exceed the capacity of coming
    /// connections.
    pub(super) fn uncovered(&self) -> usize {
        self.states.values().map(HostState::uncovered).sum()
    }

    /// Returns the number of authorities without a connection whose first waiter is older than that
    /// of another.
    pub(super) fn waiting_before(&self, id: HostId) -> usize {
        let own = self.host(id).and_then(|host| host.waiting.first());
        let starves = |(other, host): &(&HostId, &HostState<K>)| {
            let first = host.waiting.first();
            host.usable == 0 && **other != id && first.is_some() && (own.is_none() || first < own)
        };
        self.states.iter().filter(starves).count()
    }
}
