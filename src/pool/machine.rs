//! Which request gets which connection, and which connections are made and closed.
//!
//! It knows connections and requests by number. What it decides beside its answers is left as
//! [`Action`]s, for whoever holds the connections.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::time::Instant;

use super::books::{Conn, Hosts, Phase};
use super::{PoolPolicy, PoolStats};

pub(super) use super::books::Id;

#[derive(Debug)]
pub(super) struct Machine<K> {
    pub(super) actions: Vec<Action<K>>,
    closing: usize,
    conns: BTreeMap<Id, Conn<K>>,
    hosts: Hosts<K>,
    /// Those without a request, the longest idle first.
    idle: BTreeSet<(Instant, Id)>,
    is_shut: bool,
    last: u64,
    opened: u64,
    pending: usize,
    policy: PoolPolicy,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Action<K> {
    Close(Id),
    Grant { grant: Grant, waiter: Id },
    Open { conn: Id, key: K },
}

/// A place on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Grant {
    pub(super) conn: Id,
    /// It is the connection's last request.
    pub(super) is_last: bool,
    /// It is not the connection's first request.
    pub(super) is_reused: bool,
}

/// What becomes of a request that comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrival {
    Granted(Grant),
    Refused(u32),
    Waits(Id),
}

impl<K: Clone + Eq + Hash> Machine<K> {
    pub(super) fn new(policy: PoolPolicy) -> Self {
        Self {
            actions: Vec::new(),
            closing: 0,
            conns: BTreeMap::new(),
            hosts: Hosts::default(),
            idle: BTreeSet::new(),
            is_shut: false,
            last: 0,
            opened: 0,
            pending: 0,
            policy,
        }
    }

    /// Judges a request that comes. It overtakes nobody: there is no free place while somebody waits.
    pub(super) fn arrive(&mut self, key: &K, now: Instant) -> Arrival {
        let ready = self.hosts.get(key).and_then(|host| host.ready.last());
        if let Some(conn) = ready.copied() {
            return Arrival::Granted(self.grant(conn));
        }
        if let Some(max) = self.policy.max_pending()
            && self.pending >= max as usize
        {
            return Arrival::Refused(max);
        }
        let waiter = self.next();
        let host = self.hosts.entry(key, self.policy.http2());
        host.waiting.insert(waiter);
        self.pending += 1;
        self.provide(now);
        Arrival::Waits(waiter)
    }

    /// Takes out a request that waits no longer.
    pub(super) fn give_up(&mut self, key: &K, waiter: Id) {
        if let Some(host) = self.hosts.get_mut(key)
            && host.waiting.remove(&waiter)
        {
            self.pending -= 1;
            self.hosts.tidy(key);
        }
    }

    /// A connection stands, and takes one request at once; if it is `multiplexed`, there may be
    /// more, as [`widen`](Self::widen) says later. Says no if it is gone already.
    pub(super) fn connected(&mut self, id: Id, multiplexed: bool, now: Instant) -> bool {
        let Some(conn) = self.conns.get_mut(&id) else {
            return false;
        };
        match conn.phase {
            Phase::Connecting => {}
            Phase::Lost => return false,
            // Given up meanwhile.
            _ => return true,
        }
        (conn.phase, conn.opened, conn.max_streams) = (Phase::Open, now, 1);
        let key = conn.key.clone();
        let has_other = self.hosts.get(&key).is_some_and(|h| !h.ready.is_empty());
        if multiplexed {
            self.hosts.expect_many(&key);
            if has_other {
                // Made for those who found place on another one.
                self.close(id);
                return true;
            }
        } else {
            self.arrived(id);
        }
        self.settle(id, now);
        true
    }

    /// A multiplexed connection takes so many requests at once.
    pub(super) fn widen(&mut self, id: Id, streams: u32, now: Instant) {
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        conn.max_streams = streams;
        if let Some(host) = self.hosts.get_mut(&conn.key) {
            host.expected = streams.max(1);
        }
        self.arrived(id);
        self.settle(id, now);
        self.provide(now);
    }

    /// A connection could not be made. Returns who hears of it: one who waits, or all if there is no
    /// other connection for them, or nobody would ever be told.
    pub(super) fn failed(&mut self, id: Id, for_all: bool, now: Instant) -> Vec<Id> {
        let Some(conn) = self.forget(id) else {
            return Vec::new();
        };
        let Some(host) = self.hosts.get_mut(&conn.key) else {
            return Vec::new();
        };
        let all = for_all || host.usable == 0;
        let count = if all { host.waiting.len() } else { 1 };
        let told: Vec<_> = host.waiting.iter().copied().take(count).collect();
        host.waiting.retain(|waiter| !told.contains(waiter));
        self.pending -= told.len();
        self.hosts.tidy(&conn.key);
        self.provide(now);
        told
    }

    /// A request on a connection has ended, and the connection is fit for another one.
    pub(super) fn ended(&mut self, id: Id, now: Instant) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.streams = conn.streams.saturating_sub(1);
            self.settle(id, now);
        }
    }

    /// A place was given back unused.
    pub(super) fn unused(&mut self, id: Id, now: Instant) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.served = conn.served.saturating_sub(1);
            self.ended(id, now);
        }
    }

    /// A connection is found to be closed by its peer: nobody gets it any more.
    pub(super) fn spoilt(&mut self, id: Id) {
        self.leave(id, Phase::Closing);
    }

    /// A connection is gone.
    pub(super) fn closed(&mut self, id: Id, now: Instant) {
        match self.conns.get_mut(&id) {
            // Whoever makes it tells how that went.
            Some(conn) if conn.phase == Phase::Connecting => conn.phase = Phase::Lost,
            Some(conn) if conn.phase == Phase::Lost => {}
            Some(_) => {
                self.forget(id);
                self.provide(now);
            }
            None => {}
        }
    }

    pub(super) fn is_known(&self, id: Id) -> bool {
        self.conns.contains_key(&id)
    }

    /// Closes a connection whose time is over; returns when to look again.
    pub(super) fn check(&mut self, id: Id, now: Instant) -> Option<Instant> {
        let conn = self.conns.get(&id)?;
        if conn.phase != Phase::Open {
            return None;
        }
        let after = |from: Instant, limit| from.checked_add(limit?);
        let end = after(conn.opened, self.policy.max_connection_duration());
        let is_idle = conn.streams == 0;
        let from = if is_idle { conn.idle_since } else { now };
        let idle_end = after(from, self.policy.idle_timeout());
        let is_old = end.is_some_and(|end| now >= end);
        if is_idle && (is_old || idle_end.is_some_and(|end| now >= end)) {
            self.close(id);
            return None;
        }
        if is_old {
            self.leave(id, Phase::Retiring);
            self.provide(now);
            return None;
        }
        end.into_iter().chain(idle_end).min()
    }

    /// Replaces the policy. Connections that fit it stay, the others get no more requests.
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
        while self.has_surplus()
            && let Some((_, id)) = self.idle.first().copied()
        {
            self.close(id);
        }
        self.provide(now);
    }

    /// Closes what is idle or being made, and the others when they are done.
    pub(super) fn shut(&mut self) {
        self.is_shut = true;
        let ids: Vec<_> = self.conns.keys().copied().collect();
        for id in ids {
            self.retire(id);
        }
    }

    pub(super) fn stats(&self) -> PoolStats {
        PoolStats {
            closed: self.opened - self.conns.len() as u64,
            idle: self.idle.len(),
            open: self.conns.len(),
            opened: self.opened,
            pending: self.pending,
        }
    }
}

mod decide;
#[cfg(test)]
mod tests;
