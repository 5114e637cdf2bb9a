//! Pure state machine of a pool: assigns connections to requests, and decides which connections are
//! opened and closed.
//!
//! Connections and requests are identified by number. Side effects are left as [`Action`]s for the
//! owner of the connections.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::PoolPolicy;
use super::connections::{ConnectionState, HostId, Hosts, Phase};

pub(super) use super::connections::PoolId;

#[derive(Debug)]
pub(super) struct Machine<K> {
    pub(super) actions: Vec<Action<K>>,
    closing: usize,
    conns: BTreeMap<PoolId, ConnectionState>,
    hosts: Hosts<K>,
    /// Connections without a request, the longest idle first.
    idle: BTreeSet<(Instant, PoolId)>,
    is_shut_down: bool,
    last: u64,
    opened: u64,
    pending: usize,
    policy: PoolPolicy,
}

/// Side effect of a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Action<K> {
    Close(PoolId),
    Grant { grant: Grant, waiter: PoolId },
    Open { conn: PoolId, key: K },
}

/// The assignment of a connection to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Grant {
    pub(super) conn: PoolId,
    /// It is the connection's last request.
    pub(super) is_last: bool,
    /// True if the connection has carried a request before.
    pub(super) is_reused: bool,
    pub(super) look: Look,
}

/// Time for which a connection is looked at, before it carries another request, in case its server closes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Look {
    /// It is new, or its authority keeps connections and it was used a moment ago.
    None,
    /// One turn of the runtime: its authority keeps connections.
    Turn,
    /// No connection to its authority has carried two requests so far.
    Short,
    /// Its authority closed the last one after its first request.
    Long,
}

/// Time without a request for which no server closes a connection that it keeps: the shortest timeout of
/// servers for idle connections is a second.
const FRESH: Duration = Duration::from_millis(500);

/// Decision about a new request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrival {
    Granted(Grant),
    Rejected(u32),
    Waits(PoolId),
}

impl<K: Clone + Eq + Hash> Machine<K> {
    pub(super) fn new(policy: PoolPolicy) -> Self {
        Self {
            actions: Vec::new(),
            closing: 0,
            conns: BTreeMap::new(),
            hosts: Hosts::default(),
            idle: BTreeSet::new(),
            is_shut_down: false,
            last: 0,
            opened: 0,
            pending: 0,
            policy,
        }
    }

    /// Decides about a new request. It cannot overtake a waiter: while there are waiters for an
    /// authority, none of its connections is ready.
    pub(super) fn arrive(&mut self, key: &K, now: Instant) -> Arrival {
        let ready = self.hosts.get(key).and_then(|host| host.ready.last());
        if let Some(conn) = ready.copied() {
            return Arrival::Granted(self.grant(conn, now));
        }
        if let Some(max) = self.policy.max_pending()
            && self.pending >= max as usize
        {
            return Arrival::Rejected(max);
        }
        let waiter = self.next();
        let (_, host) = self.hosts.entry(key, self.policy.http2());
        host.waiting.insert(waiter);
        self.pending += 1;
        self.provide(now);
        Arrival::Waits(waiter)
    }

    /// Removes a waiter.
    pub(super) fn give_up(&mut self, key: &K, waiter: PoolId) {
        if let Some(id) = self.hosts.id(key)
            && let Some(host) = self.hosts.host_mut(id)
            && host.waiting.remove(&waiter)
        {
            self.pending -= 1;
            self.hosts.remove_if_empty(id);
        }
    }

    /// Replaces the policy. Connections within the new limits stay, the others get no more
    /// requests.
    pub(super) fn reconfigure(&mut self, policy: PoolPolicy, now: Instant) {
        self.policy = policy;
        let max = self.max_served();
        let ids: Vec<_> = self.conns.keys().copied().collect();
        for id in ids {
            if self.conns.get(&id).is_some_and(|conn| conn.served >= max) {
                self.retire(id);
            }
            self.refresh(id);
        }
        // Busy surplus connections are closed by `settle` when they become idle.
        while self.has_surplus()
            && let Some(id) = self.dispensable()
        {
            self.close(id);
        }
        self.provide(now);
    }

    /// Closes idle connections and attempts now, and the others when their requests have ended.
    pub(super) fn shutdown(&mut self) {
        self.is_shut_down = true;
        let ids: Vec<_> = self.conns.keys().copied().collect();
        for id in ids {
            self.retire(id);
        }
    }

    pub(super) fn stats(&self) -> PoolStats {
        PoolStats {
            // Derived, so that the three numbers always agree.
            closed: self.opened - self.conns.len() as u64,
            idle: self.idle.len(),
            open: self.conns.len(),
            opened: self.opened,
            pending: self.pending,
        }
    }
}

mod decide;
mod lives;

/// Connection and request counts of a pool.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PoolStats {
    /// Total number of ended connections, including failed attempts.
    pub closed: u64,
    /// Current number of connections without a request.
    pub idle: usize,
    /// Current number of connections that count against the limit: open, being opened, or being
    /// closed.
    pub open: usize,
    /// Total number of connection attempts: `closed` plus `open`.
    pub opened: u64,
    /// Current number of requests that wait for a connection.
    pub pending: usize,
}

#[cfg(test)]
mod tests;
