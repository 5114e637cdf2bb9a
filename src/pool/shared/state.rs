//! The machine, and the connections and requests that it knows by number: what is under the lock.

use std::collections::HashMap;
use std::task::Waker;

use tokio::sync::mpsc;

use super::super::PoolPolicy;
use super::super::key::Key;
use super::super::lease::Line;
use super::super::machine::{Action, Grant, Id, Machine};
use super::Control;
use crate::base::PoolError;

pub(super) struct State {
    pub(super) conns: HashMap<Id, Conn>,
    /// Why the last connection could not be made, if none was made since.
    pub(super) last_failure: Option<PoolError>,
    pub(super) machine: Machine<Key>,
    pub(super) seats: HashMap<Id, Seat>,
}

/// A connection: what is lent of it when it carries nothing, and a word to its task, for which the end
/// of the channel says to close it.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) control: mpsc::Sender<Control>,
    pub(super) line: Option<Line>,
}

/// One that waits.
#[derive(Debug)]
pub(super) enum Seat {
    Failed(PoolError),
    Granted(Grant, Line),
    Waiting(Option<Waker>),
}

/// What is left to do once the lock is gone: wakers and connections are foreign code.
#[derive(Default)]
pub(super) struct Rest {
    pub(super) closed: Vec<Conn>,
    pub(super) failures: Vec<PoolError>,
    pub(super) lines: Vec<Line>,
    pub(super) opened: Vec<(Id, Key, mpsc::Receiver<Control>)>,
    pub(super) wakers: Vec<Waker>,
}

impl State {
    pub(super) fn new(policy: PoolPolicy) -> Self {
        Self {
            conns: HashMap::new(),
            last_failure: None,
            machine: Machine::new(policy),
            seats: HashMap::new(),
        }
    }

    /// Does what the machine has decided, but for what has to wait until the lock is gone.
    pub(super) fn act(&mut self, rest: &mut Rest) {
        for action in std::mem::take(&mut self.machine.actions) {
            match action {
                Action::Close(id) => rest.closed.extend(self.conns.remove(&id)),
                Action::Grant { grant, waiter } => {
                    let line = self.lend(grant.conn).expect("a free place has its line");
                    rest.wakers
                        .extend(self.seat(waiter, Seat::Granted(grant, line)));
                }
                Action::Open { conn, key } => {
                    // Each word may be under way at once.
                    let (control, told) = mpsc::channel(3);
                    let line = None;
                    self.conns.insert(conn, Conn { control, line });
                    rest.opened.push((conn, key, told));
                }
            }
        }
    }

    pub(super) fn lend(&mut self, id: Id) -> Option<Line> {
        Line::lend(&mut self.conns.get_mut(&id)?.line)
    }

    /// Keeps a line for the next request.
    pub(super) fn receive(&mut self, id: Id, line: Line, rest: &mut Rest) {
        match (self.conns.get_mut(&id), &line) {
            (Some(conn), Line::One { .. }) => conn.line = Some(line),
            _ => rest.lines.push(line),
        }
    }

    /// Tells one that waits.
    pub(super) fn seat(&mut self, waiter: Id, seat: Seat) -> Option<Waker> {
        match self.seats.insert(waiter, seat) {
            Some(Seat::Waiting(waker)) => waker,
            _ => None,
        }
    }
}
