//! Steps shared by the events of a pool.

use std::hash::Hash;
use std::time::Instant;

use super::{Action, ConnectionState, FRESH, Grant, HostId, Look, Machine, Phase, PoolId};

impl<K: Clone + Eq + Hash> Machine<K> {
    pub(super) fn next(&mut self) -> PoolId {
        self.last += 1;
        PoolId(self.last)
    }

    pub(super) fn max_served(&self) -> u32 {
        let max = self.policy.max_requests_per_connection();
        max.unwrap_or(u32::MAX)
    }

    fn max_connections(&self) -> usize {
        let max = self.policy.max_connections();
        max.map_or(usize::MAX, |max| max as usize)
    }

    /// Returns true if there are more connections than the limit allows.
    pub(super) fn has_surplus(&self) -> bool {
        self.conns.len() - self.closing > self.max_connections()
    }

    /// Assigns a ready connection to one request.
    pub(super) fn grant(&mut self, id: PoolId, now: Instant) -> Grant {
        let max = self.max_served();
        let conn = self.conns.get_mut(&id).expect("a ready connection");
        if conn.streams == 0 {
            self.idle.remove(&(conn.idle_since, id));
        }
        conn.streams += 1;
        conn.served = conn.served.saturating_add(1);
        let is_fresh = now.saturating_duration_since(conn.idle_since) < FRESH;
        let look = match self.hosts.host(conn.host) {
            _ if conn.served == 1 => Look::None,
            Some(host) if host.is_kept_alive && is_fresh => Look::None,
            Some(host) if host.is_kept_alive => Look::Turn,
            _ if self.hosts.is_closer(conn.host) => Look::Long,
            _ => Look::Short,
        };
        let grant = Grant {
            conn: id,
            is_last: conn.served >= max,
            is_reused: conn.served > 1,
            look,
        };
        if grant.is_last {
            // Its last request: no more may be assigned to it.
            self.leave(id, Phase::Retiring);
        } else {
            self.refresh(id);
        }
        grant
    }

    /// Decides what a connection does next after a request on it has ended or its capacity has
    /// grown.
    pub(super) fn settle(&mut self, id: PoolId, now: Instant) {
        self.refresh(id);
        let Some(conn) = self.conns.get(&id) else {
            return;
        };
        let (phase, streams, host) = (conn.phase, conn.streams, conn.host);
        if streams == 0 {
            let is_due = match phase {
                Phase::Open => {
                    self.is_unwanted(host)
                        || self.has_surplus() && self.is_dispensable(host)
                        || self.gives_way(host)
                }
                Phase::Retiring => true,
                _ => false,
            };
            if is_due {
                self.close(id);
                return;
            }
        }
        self.serve(host, now);
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        if conn.streams > 0 || conn.phase != Phase::Open {
            return;
        }
        self.idle.remove(&(conn.idle_since, id));
        conn.idle_since = now;
        self.idle.insert((now, id));
        self.make_room();
    }

    /// Assigns the ready connections of an authority to its waiters, in their order.
    fn serve(&mut self, host: HostId, now: Instant) {
        while let Some(host) = self.hosts.host_mut(host)
            && let Some(conn) = host.ready.last().copied()
            && let Some(waiter) = host.waiting.pop_first()
        {
            self.pending -= 1;
            let grant = self.grant(conn, now);
            self.actions.push(Action::Grant { grant, waiter });
        }
    }

    /// Opens connections for uncovered waiters, up to the limit.
    pub(super) fn provide(&mut self, now: Instant) {
        if self.pending == 0 {
            return;
        }
        loop {
            let is_full = self.is_full();
            if is_full && !self.policy.one_per_authority() {
                break;
            }
            let Some(host) = self.hosts.next_to_connect(is_full) else {
                break;
            };
            self.open(host, now);
        }
        self.make_room();
    }

    fn open(&mut self, id: HostId, now: Instant) {
        let conn = self.next();
        let Some(host) = self.hosts.host_mut(id) else {
            return;
        };
        host.coming += 1;
        host.usable += 1;
        let key = host.key.clone();
        self.opened += 1;
        self.conns.insert(conn, ConnectionState::new(id, now));
        self.actions.push(Action::Open { conn, key });
    }

    /// Says that the pool or the authority is gone, and so is everybody who waits.
    fn is_unwanted(&self, host: HostId) -> bool {
        match self.hosts.host(host) {
            Some(host) => (self.is_shut_down || host.is_leaving) && host.waiting.is_empty(),
            None => self.is_shut_down,
        }
    }

    /// Says that a connection to an authority may be closed in favour of others: each may have to keep its
    /// last one.
    fn is_dispensable(&self, host: HostId) -> bool {
        !self.policy.one_per_authority() || self.hosts.host(host).is_none_or(|host| host.usable > 1)
    }

    /// Returns what has been idle for longest of what may be closed in favour of others.
    pub(super) fn dispensable(&self) -> Option<PoolId> {
        let mut idle = self.idle.iter().map(|(_, id)| *id);
        idle.find(|id| {
            let conn = self.conns.get(id);
            conn.is_some_and(|conn| self.is_dispensable(conn.host))
        })
    }

    /// Returns true if an idle connection to an authority has to be closed in favour of an authority that
    /// has no connection and an older waiter; otherwise its requests could keep the
    /// connection forever.
    fn gives_way(&self, host: HostId) -> bool {
        self.pending > 0
            && self.is_dispensable(host)
            && self.is_full()
            && self.closing < self.hosts.waiting_before(host)
    }

    fn is_full(&self) -> bool {
        self.conns.len() >= self.max_connections()
    }

    /// Closes the longest idle connections in favour of waiters for other authorities.
    fn make_room(&mut self) {
        if self.pending == 0 || self.idle.is_empty() || !self.is_full() {
            return;
        }
        // Connections that are already being closed count: each makes room for one waiter.
        let wanted = self.hosts.uncovered();
        while self.closing < wanted
            && let Some(id) = self.dispensable()
        {
            self.close(id);
        }
    }

    /// Closes an idle connection; one with requests in flight gets no further ones.
    pub(super) fn retire(&mut self, id: PoolId) {
        match self.conns.get(&id) {
            Some(conn) if conn.streams == 0 => self.close(id),
            Some(_) => self.leave(id, Phase::Retiring),
            None => {}
        }
    }

    pub(super) fn close(&mut self, id: PoolId) {
        let is_closing =
            |conn: &ConnectionState| matches!(conn.phase, Phase::Closing | Phase::Lost);
        if self.conns.get(&id).is_some_and(|conn| !is_closing(conn)) {
            self.leave(id, Phase::Closing);
            self.actions.push(Action::Close(id));
        }
    }

    /// Removes a connection from those that get requests.
    pub(super) fn leave(&mut self, id: PoolId, phase: Phase) {
        self.arrived(id);
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        if phase == Phase::Closing && conn.phase != Phase::Closing {
            self.closing += 1;
        }
        let was_usable = conn.is_usable();
        if conn.phase != Phase::Closing {
            conn.phase = phase;
        }
        self.idle.remove(&(conn.idle_since, id));
        if was_usable {
            let host_id = conn.host;
            if let Some(host) = self.hosts.host_mut(host_id) {
                host.usable -= 1;
                host.ready.retain(|ready| *ready != id);
            }
            self.hosts.remove_if_empty(host_id);
        }
    }

    /// Removes a closed connection.
    pub(super) fn forget(&mut self, id: PoolId) -> Option<ConnectionState> {
        self.leave(id, Phase::Closing);
        let conn = self.conns.remove(&id)?;
        self.closing -= 1;
        Some(conn)
    }

    /// Marks the capacity of a connection as known (it may be none).
    pub(super) fn arrived(&mut self, id: PoolId) {
        if let Some(conn) = self.conns.get_mut(&id)
            && std::mem::take(&mut conn.coming)
            && let Some(host) = self.hosts.host_mut(conn.host)
        {
            host.coming -= 1;
        }
    }

    /// Updates the membership of a connection in its authority's ready list.
    pub(super) fn refresh(&mut self, id: PoolId) {
        let max = self.max_served();
        let Some(conn) = self.conns.get(&id) else {
            return;
        };
        let has_room = conn.has_room(max);
        let Some(host) = self.hosts.host_mut(conn.host) else {
            return;
        };
        // Searched from the end, since the last one is used first.
        match host.ready.iter().rposition(|ready| *ready == id) {
            None if has_room => host.ready.push(id),
            Some(place) if !has_room => {
                host.ready.remove(place);
            }
            _ => {}
        }
    }
}
