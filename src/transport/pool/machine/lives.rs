//! Events in the life of a connection.

use std::hash::Hash;
use std::time::Instant;

use super::{Machine, Phase, PoolId};

impl<K: Clone + Eq + Hash> Machine<K> {
    /// Records an established connection, which takes one request at a time; a `multiplexed` one
    /// may take more after [`widen`](Self::widen). Returns false if the connection is already
    /// closed.
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
            // Being closed already: its task sees that by its channel.
            _ => return true,
        }
        (conn.phase, conn.opened, conn.max_streams) = (Phase::Open, now, 1);
        let host = conn.host;
        let has_other = self.hosts.host(host).is_some_and(|h| !h.ready.is_empty());
        if multiplexed {
            self.hosts.expect_many(host);
            if has_other {
                // Its waiters were served by another HTTP/2 connection.
                self.close(id);
                return true;
            }
        } else {
            self.arrived(id);
        }
        self.settle(id, now);
        true
    }

    /// Sets the maximum number of concurrent requests of a multiplexed connection.
    pub(in crate::transport::pool) fn widen(&mut self, id: PoolId, streams: u32, now: Instant) {
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        conn.max_streams = streams;
        if let Some(host) = self.hosts.host_mut(conn.host) {
            host.expected = streams.max(1);
        }
        self.arrived(id);
        self.settle(id, now);
        self.provide(now);
    }

    /// Records a failed connection attempt and returns the waiters to fail: one, or all if no other
    /// connection can serve them or `for_all` is set.
    pub(in crate::transport::pool) fn failed(
        &mut self,
        id: PoolId,
        for_all: bool,
        now: Instant,
    ) -> Vec<PoolId> {
        let Some(conn) = self.forget(id) else {
            return Vec::new();
        };
        let Some(host) = self.hosts.host_mut(conn.host) else {
            return Vec::new();
        };
        let all = for_all || host.usable == 0;
        let count = if all { host.waiting.len() } else { 1 };
        let failed: Vec<_> = host.waiting.iter().copied().take(count).collect();
        host.waiting.retain(|waiter| !failed.contains(waiter));
        self.pending -= failed.len();
        self.hosts.remove_if_empty(conn.host);
        self.provide(now);
        failed
    }

    /// Records the end of a request; the connection can carry another one.
    pub(in crate::transport::pool) fn ended(&mut self, id: PoolId, now: Instant) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.streams = conn.streams.saturating_sub(1);
            if conn.served > 1 {
                self.hosts.is_kept_alive(conn.host);
            }
            self.settle(id, now);
        }
    }

    /// Records that an assigned connection was given back unused, so the request does not count as
    /// served.
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
            .filter(|(_, conn)| meant.contains(&conn.host));
        let ids: Vec<_> = ids.map(|(id, _)| *id).collect();
        for id in ids {
            let is_idle = self.conns.get(&id).is_some_and(|conn| conn.streams == 0);
            if is_idle {
                self.close(id);
            }
        }
    }

    /// Marks a connection that its peer has closed: it is granted to no further request.
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
            self.hosts.closes(conn.host);
        }
    }

    /// A connection is gone.
    pub(in crate::transport::pool) fn closed(&mut self, id: PoolId, now: Instant) {
        match self.conns.get_mut(&id) {
            // The attempt is still running and will report its result.
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

    /// Closes a connection after its idle timeout or maximum duration; returns the time of the next
    /// check.
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
        // While it is busy, the next check is one idle timeout from now, so that no timer is reset
        // for each request.
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
