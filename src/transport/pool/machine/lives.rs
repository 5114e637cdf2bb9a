//! What becomes of each connection.

use std::hash::Hash;
use std::time::Instant;

use super::{Machine, Phase, PoolId};

impl<K: Clone + Eq + Hash> Machine<K> {
    /// A connection stands, and takes one request at once; if it is `multiplexed`, there may be
    /// more, as [`widen`](Self::widen) says later. Says no if it is gone already.
    pub(in crate::transport::pool) fn connected(
        &mut self,
        id: PoolId,
        multiplexed: bool,
        now: Instant,
    ) -> bool {
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
    pub(in crate::transport::pool) fn widen(&mut self, id: PoolId, streams: u32, now: Instant) {
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
    pub(in crate::transport::pool) fn failed(
        &mut self,
        id: PoolId,
        for_all: bool,
        now: Instant,
    ) -> Vec<PoolId> {
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
        self.hosts.remove_if_empty(&conn.key);
        self.provide(now);
        told
    }

    /// A request on a connection has ended, and the connection is fit for another one.
    pub(in crate::transport::pool) fn ended(&mut self, id: PoolId, now: Instant) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.streams = conn.streams.saturating_sub(1);
            if conn.served > 1 {
                self.hosts.is_kept_alive(&conn.key);
            }
            self.settle(id, now);
        }
    }

    /// A place was given back unused.
    pub(in crate::transport::pool) fn unused(&mut self, id: PoolId, now: Instant) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.served = conn.served.saturating_sub(1);
            self.ended(id, now);
        }
    }

    /// Closes the connections of some authorities: the idle ones at once, the others when they are done
    /// and when no request waits for them.
    #[cfg(all(feature = "istio", feature = "reqwest"))]
    pub(in crate::transport::pool) fn forget_hosts(&mut self, is_meant: impl Fn(&K) -> bool) {
        let meant = self.hosts.leave(is_meant);
        let ids = self
            .conns
            .iter()
            .filter(|(_, conn)| meant.contains(&conn.key));
        let ids: Vec<_> = ids.map(|(id, _)| *id).collect();
        for id in ids {
            let is_idle = self.conns.get(&id).is_some_and(|conn| conn.streams == 0);
            if is_idle {
                self.close(id);
            }
        }
    }

    /// A connection is found to be closed by its peer: nobody gets it any more.
    pub(in crate::transport::pool) fn mark_unusable(&mut self, id: PoolId) {
        self.note_closer(id);
        self.leave(id, Phase::Closing);
    }

    /// Takes note of a peer that closes a connection which has carried one request, or was to carry its
    /// second.
    fn note_closer(&mut self, id: PoolId) {
        if let Some(conn) = self.conns.get(&id)
            && conn.phase == Phase::Open
            && matches!((conn.served, conn.streams), (1, 0) | (2, 1))
        {
            self.hosts.closes(&conn.key);
        }
    }

    /// A connection is gone.
    pub(in crate::transport::pool) fn closed(&mut self, id: PoolId, now: Instant) {
        match self.conns.get_mut(&id) {
            // Whoever makes it tells how that went.
            Some(conn) if conn.phase == Phase::Connecting => conn.phase = Phase::Lost,
            Some(conn) if conn.phase == Phase::Lost => {}
            Some(_) => {
                self.note_closer(id);
                self.forget(id);
                self.provide(now);
            }
            None => {}
        }
    }

    pub(in crate::transport::pool) fn is_known(&self, id: PoolId) -> bool {
        self.conns.contains_key(&id)
    }

    /// Closes a connection whose time is over; returns when to look again.
    pub(in crate::transport::pool) fn check(
        &mut self,
        id: PoolId,
        now: Instant,
    ) -> Option<Instant> {
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
}
