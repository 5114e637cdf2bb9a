//! The machine, and the connections and requests that it knows by number: what is under the lock.

use std::collections::HashMap;
use std::task::Waker;

use tokio::sync::mpsc;

use super::super::PoolPolicy;
use super::super::key::PoolKey;
use super::super::machine::{Action, Grant, Machine, PoolId};
use super::Control;
use crate::foundation::outcome::PoolError;
use crate::transport::pool::connection::lease::RequestSender;

pub(super) struct State {
    pub(super) conns: HashMap<PoolId, ConnectionEntry>,
    /// Why the last connection could not be made, if none was made since.
    pub(super) last_failure: Option<PoolError>,
    pub(super) machine: Machine<PoolKey>,
    pub(super) waiters: HashMap<PoolId, WaiterStatus>,
}

/// A connection: what is lent of it when it carries nothing, and a word to its task, for which the end
/// of the channel says to close it.
#[derive(Debug)]
pub(super) struct ConnectionEntry {
    pub(super) control: mpsc::Sender<Control>,
    pub(super) sender: Option<RequestSender>,
}

/// One that waits.
#[derive(Debug)]
pub(super) enum WaiterStatus {
    Failed(PoolError),
    Granted(Grant, RequestSender),
    Waiting(Option<Waker>),
}

/// What is left to do once the lock is gone: wakers and connections are foreign code.
#[derive(Default)]
pub(super) struct AfterUnlock {
    pub(super) closed: Vec<ConnectionEntry>,
    pub(super) failures: Vec<PoolError>,
    pub(super) senders: Vec<RequestSender>,
    pub(super) opened: Vec<(PoolId, PoolKey, mpsc::Receiver<Control>)>,
    pub(super) wakers: Vec<Waker>,
}

impl State {
    pub(super) fn new(policy: PoolPolicy) -> Self {
        Self {
            conns: HashMap::new(),
            last_failure: None,
            machine: Machine::new(policy),
            waiters: HashMap::new(),
        }
    }

    /// Does what the machine has decided, but for what has to wait until the lock is gone.
    pub(super) fn act(&mut self, after: &mut AfterUnlock) {
        for action in std::mem::take(&mut self.machine.actions) {
            match action {
                Action::Close(id) => after.closed.extend(self.conns.remove(&id)),
                Action::Grant { grant, waiter } => {
                    let sender = self.lend(grant.conn).expect("a free place has its line");
                    after
                        .wakers
                        .extend(self.notify_waiter(waiter, WaiterStatus::Granted(grant, sender)));
                }
                Action::Open { conn, key } => {
                    // Each word may be under way at once.
                    let (control, told) = mpsc::channel(3);
                    let sender = None;
                    self.conns.insert(conn, ConnectionEntry { control, sender });
                    after.opened.push((conn, key, told));
                }
            }
        }
    }

    pub(super) fn lend(&mut self, id: PoolId) -> Option<RequestSender> {
        RequestSender::lend(&mut self.conns.get_mut(&id)?.sender)
    }

    /// Keeps a line for the next request.
    pub(super) fn receive(&mut self, id: PoolId, sender: RequestSender, after: &mut AfterUnlock) {
        match (self.conns.get_mut(&id), &sender) {
            (Some(conn), RequestSender::One { .. }) => conn.sender = Some(sender),
            _ => after.senders.push(sender),
        }
    }

    /// Tells one that waits.
    pub(super) fn notify_waiter(&mut self, waiter: PoolId, status: WaiterStatus) -> Option<Waker> {
        match self.waiters.insert(waiter, status) {
            Some(WaiterStatus::Waiting(waker)) => waker,
            _ => None,
        }
    }
}
