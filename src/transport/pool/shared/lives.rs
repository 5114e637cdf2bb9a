//! Events of connections, reported by their tasks and leases.

use std::sync::Arc;
use std::time::Instant;

use super::super::machine::PoolId;
use super::Shared;
use super::control::Control;
use super::state::WaiterStatus;
use crate::foundation::outcome::PoolError;
use crate::foundation::time::clock;
use crate::transport::pool::request_sender::RequestSender;

impl Shared {
    /// Records an established connection. Returns false if it is already closed.
    pub(in crate::transport::pool) fn connected(
        self: &Arc<Self>,
        id: PoolId,
        sender: RequestSender,
    ) -> bool {
        let is_many = matches!(sender, RequestSender::Many(_));
        self.with(|state, after| {
            after.failures.extend(state.last_failure.take());
            match state.conns.get_mut(&id) {
                // Stored before the machine's call, which may assign the connection at once.
                Some(conn) => conn.sender = Some(sender),
                None => after.senders.push(sender),
            }
            state.machine.connected(id, is_many, clock::now())
        })
    }

    pub(in crate::transport::pool) fn widen(self: &Arc<Self>, id: PoolId, streams: u32) {
        self.with(|state, _| state.machine.widen(id, streams, clock::now()));
    }

    /// Records a failed attempt; `for_all` waiters of its authority if no further attempt would be
    /// made.
    pub(in crate::transport::pool) fn failed(
        self: &Arc<Self>,
        id: PoolId,
        error: &PoolError,
        for_all: bool,
    ) {
        self.with(|state, after| {
            if !matches!(error, PoolError::Stopped) {
                after
                    .failures
                    .extend(state.last_failure.replace(error.clone()));
            }
            for waiter in state.machine.failed(id, for_all, clock::now()) {
                after
                    .wakers
                    .extend(state.notify_waiter(waiter, WaiterStatus::Failed(error.clone())));
            }
            after.closed.extend(state.conns.remove(&id));
        });
    }

    /// Records the end of a connection.
    pub(in crate::transport::pool) fn closed(self: &Arc<Self>, id: PoolId) {
        self.with(|state, after| {
            state.machine.closed(id, clock::now());
            if !state.machine.is_known(id) {
                after.closed.extend(state.conns.remove(&id));
            }
        });
    }

    /// Takes a connection back after the end of its response.
    pub(in crate::transport::pool) fn put_back(
        self: &Arc<Self>,
        id: PoolId,
        sender: RequestSender,
    ) {
        self.with(|state, after| match &sender {
            // Its task reports its end, and it counts until then.
            RequestSender::One { .. } if sender.is_closed() => after.senders.push(sender),
            RequestSender::One { .. } if !sender.is_ready() => {
                if let Some(conn) = state.conns.get(&id) {
                    // A full channel drops the sender, which closes the connection.
                    conn.control.send(Control::Return(sender));
                }
            }
            _ => {
                state.receive(id, sender, after);
                state.machine.ended(id, clock::now());
            }
        });
    }

    /// Takes an unused connection back.
    pub(in crate::transport::pool) fn hand_back(
        self: &Arc<Self>,
        id: PoolId,
        sender: RequestSender,
    ) {
        self.with(|state, after| {
            state.receive(id, sender, after);
            state.machine.unused(id, clock::now());
        });
    }

    /// Takes note that a connection was closed before it was used.
    pub(in crate::transport::pool) fn spoilt(self: &Arc<Self>, id: PoolId, sender: RequestSender) {
        self.with(|state, after| {
            state.machine.mark_unusable(id);
            after.senders.push(sender);
        });
    }

    /// Takes note that a request was given up, or failed.
    pub(in crate::transport::pool) fn broken_off(
        self: &Arc<Self>,
        id: PoolId,
        sender: RequestSender,
    ) {
        self.with(|state, after| {
            match sender {
                RequestSender::One { .. } => {
                    state.machine.mark_unusable(id);
                    if let Some(conn) = state.conns.get(&id) {
                        // The rest of the exchange is still on an HTTP/1 connection, so it cannot
                        // be reused.
                        conn.control.send(Control::Abort);
                    }
                }
                RequestSender::Many(_) => state.machine.ended(id, clock::now()),
            }
            after.senders.push(sender);
        });
    }

    /// Closes a connection after its idle timeout or maximum duration; returns the time of the next
    /// check.
    pub(in crate::transport::pool) fn check(self: &Arc<Self>, id: PoolId) -> Option<Instant> {
        self.with(|state, _| state.machine.check(id, clock::now()))
    }
}
