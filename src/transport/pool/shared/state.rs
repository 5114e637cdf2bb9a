//! State under the pool's lock: the machine, and the connections and waiters behind its numbers.

use std::collections::BTreeMap;
use std::task::Waker;

use super::super::PoolPolicy;
use super::super::key::PoolKey;
use super::super::machine::{Action, Grant, Machine, PoolId};
use super::control::{self, ControlReceiver, ControlSender};
use crate::foundation::outcome::PoolError;
use crate::transport::pool::request_sender::RequestSender;

pub(super) struct State {
    pub(super) conns: BTreeMap<PoolId, ConnectionEntry>,
    /// Why the last connection could not be made, if none was made since.
    pub(super) last_failure: Option<PoolError>,
    pub(super) machine: Machine<PoolKey>,
    pub(super) waiters: BTreeMap<PoolId, WaiterStatus>,
}

/// A connection: its sender while it is available, and the channel to its task, which closes the
/// connection when the channel is dropped.
#[derive(Debug)]
pub(super) struct ConnectionEntry {
    pub(super) control: ControlSender,
    pub(super) sender: Option<RequestSender>,
}

/// State of a waiter.
#[derive(Debug)]
pub(super) enum WaiterStatus {
    Failed(PoolError),
    Granted(Grant, RequestSender),
    Waiting(Option<Waker>),
}

/// Work to do after unlocking, since wakers and connections run foreign code.
#[derive(Default)]
pub(super) struct AfterUnlock {
    pub(super) closed: Vec<ConnectionEntry>,
    pub(super) failures: Vec<PoolError>,
    pub(super) senders: Vec<RequestSender>,
    pub(super) opened: Vec<(PoolId, PoolKey, ControlReceiver)>,
    pub(super) wakers: Vec<Waker>,
}

impl State {
    pub(super) fn new(policy: PoolPolicy) -> Self {
        Self {
            conns: BTreeMap::new(),
            last_failure: None,
            machine: Machine::new(policy),
            waiters: BTreeMap::new(),
        }
    }

    /// Carries out the machine's actions, except those that have to wait until after unlocking.
    pub(super) fn act(&mut self, after: &mut AfterUnlock) {
        for action in std::mem::take(&mut self.machine.actions) {
            match action {
                Action::Close(id) => after.closed.extend(self.conns.remove(&id)),
                Action::Grant { grant, waiter } => {
                    let sender = self
                        .lend(grant.conn)
                        .expect("a granted connection has its sender");
                    after
                        .wakers
                        .extend(self.notify_waiter(waiter, WaiterStatus::Granted(grant, sender)));
                }
                Action::Open { conn, key } => {
                    let (control, messages) = control::channel();
                    let sender = None;
                    self.conns.insert(conn, ConnectionEntry { control, sender });
                    after.opened.push((conn, key, messages));
                }
            }
        }
    }

    pub(super) fn lend(&mut self, id: PoolId) -> Option<RequestSender> {
        RequestSender::lend(&mut self.conns.get_mut(&id)?.sender)
    }

    /// Stores an HTTP/1 sender for the next request.
    pub(super) fn receive(&mut self, id: PoolId, sender: RequestSender, after: &mut AfterUnlock) {
        match (self.conns.get_mut(&id), &sender) {
            (Some(conn), RequestSender::One { .. }) => conn.sender = Some(sender),
            // HTTP/2 senders are clones and not stored; a sender of a removed connection is
            // dropped.
            _ => after.senders.push(sender),
        }
    }

    /// Sets the result of a waiter and returns its waker.
    pub(super) fn notify_waiter(&mut self, waiter: PoolId, status: WaiterStatus) -> Option<Waker> {
        match self.waiters.insert(waiter, status) {
            Some(WaiterStatus::Waiting(waker)) => waker,
            _ => None,
        }
    }
}
