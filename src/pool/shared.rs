//! What all clones of a pool have in common: the machine, and the connections and requests that it
//! knows by number.

use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use tokio::sync::mpsc;

use super::attempt::Attempt;
use super::key::Key;
use super::lease::{Lease, Line};
use super::machine::{Action, Arrival, Grant, Id, Machine};
use super::wait::Wait;
use super::{PoolPolicy, PoolStats};
use crate::base::{Event, Live, Observe, Overflow, PoolError, Rejection, clock};

/// Starts the task that makes a connection.
pub(super) type Open = dyn Fn(Attempt) + Send + Sync;

pub(super) struct Shared {
    observe: Arc<dyn Observe>,
    open: Box<Open>,
    pub(super) policy: Live<PoolPolicy>,
    state: Mutex<State>,
}

struct State {
    conns: HashMap<Id, Conn>,
    machine: Machine<Key>,
    seats: HashMap<Id, Seat>,
}

/// A connection: what is lent of it when it carries nothing, and a word to its task, for which the end
/// of the channel says to close it.
#[derive(Debug)]
struct Conn {
    control: mpsc::Sender<Control>,
    line: Option<Line>,
}

/// What the task of a connection is told.
#[derive(Debug)]
pub(super) enum Control {
    /// To close at once.
    Abort,
    /// To look whether its time is over.
    Check,
    /// To put it back when it can take a request.
    Return(Line),
}

/// One that waits.
#[derive(Debug)]
enum Seat {
    Failed(PoolError),
    Granted(Grant, Line),
    Waiting(Option<Waker>),
}

/// What a request gets when it comes.
pub(super) enum Entry {
    Leased(Lease),
    Refused(Rejection),
    Waiting(Wait),
}

/// What is left to do once the lock is gone: wakers and connections are foreign code.
#[derive(Default)]
struct Rest {
    closed: Vec<Conn>,
    lines: Vec<Line>,
    opened: Vec<(Id, Key, mpsc::Receiver<Control>)>,
    wakers: Vec<Waker>,
}

impl Shared {
    pub(super) fn new(policy: PoolPolicy, observe: Arc<dyn Observe>, open: Box<Open>) -> Self {
        Self {
            observe,
            open,
            policy: Live::new(policy),
            state: Mutex::new(State {
                conns: HashMap::new(),
                machine: Machine::new(policy),
                seats: HashMap::new(),
            }),
        }
    }

    /// Gives a request a place, or lets it wait for one.
    pub(super) fn enter(self: &Arc<Self>, key: &Key) -> Entry {
        let now = clock::now();
        let arrival = self.with(|state, rest| {
            loop {
                let arrival = state.machine.arrive(key, now);
                let Arrival::Granted(grant) = arrival else {
                    if let Arrival::Waits(waiter) = arrival {
                        state.seats.insert(waiter, Seat::Waiting(None));
                    }
                    return Err(arrival);
                };
                match state.lend(grant.conn) {
                    Some(line) if !line.is_closed() => return Ok((grant, line)),
                    spoilt => {
                        rest.lines.extend(spoilt);
                        state.machine.spoilt(grant.conn);
                    }
                }
            }
        });
        match arrival {
            Ok((grant, line)) => Entry::Leased(Lease::new(Arc::clone(self), grant, line)),
            Err(Arrival::Refused(max)) => {
                let rejection = Rejection::Overflow(Overflow::Connection(max));
                self.observe.event(&Event::Rejected(rejection));
                Entry::Refused(rejection)
            }
            Err(Arrival::Waits(waiter)) => {
                Entry::Waiting(Wait::new(Arc::clone(self), key.clone(), waiter))
            }
            Err(Arrival::Granted(_)) => unreachable!("a grant is a place"),
        }
    }

    /// Looks whether the turn of one that waits has come.
    pub(super) fn poll_seat(
        self: &Arc<Self>,
        waiter: Id,
        waker: &Waker,
    ) -> Poll<Result<Lease, PoolError>> {
        let (taken, replaced) = {
            let mut state = self.lock();
            match state.seats.get_mut(&waiter) {
                Some(Seat::Waiting(Some(known))) if known.will_wake(waker) => (None, None),
                Some(Seat::Waiting(known)) => (None, known.replace(waker.clone())),
                _ => (state.seats.remove(&waiter), None),
            }
        };
        // A waker is foreign code: outside the lock.
        drop(replaced);
        match taken {
            None | Some(Seat::Waiting(_)) => Poll::Pending,
            Some(Seat::Failed(error)) => Poll::Ready(Err(error)),
            Some(Seat::Granted(grant, line)) => {
                Poll::Ready(Ok(Lease::new(Arc::clone(self), grant, line)))
            }
        }
    }

    /// One that waits goes away; a place that has come at the last moment goes to the next one.
    pub(super) fn leave_seat(self: &Arc<Self>, key: &Key, waiter: Id) {
        let taken = self.with(|state, _| {
            state.machine.give_up(key, waiter);
            state.seats.remove(&waiter)
        });
        if let Some(Seat::Granted(grant, line)) = taken {
            self.hand_back(grant.conn, line);
        }
    }

    /// A connection stands. Says no if it is gone already.
    pub(super) fn connected(self: &Arc<Self>, id: Id, line: Line) -> bool {
        let is_many = matches!(line, Line::Many(_));
        self.with(|state, rest| {
            match state.conns.get_mut(&id) {
                Some(conn) => conn.line = Some(line),
                None => rest.lines.push(line),
            }
            state.machine.connected(id, is_many, clock::now())
        })
    }

    pub(super) fn widen(self: &Arc<Self>, id: Id, streams: u32) {
        self.with(|state, _| state.machine.widen(id, streams, clock::now()));
    }

    /// A connection could not be made; `for_all` that wait for it if nobody would make another one.
    pub(super) fn failed(self: &Arc<Self>, id: Id, error: &PoolError, for_all: bool) {
        self.with(|state, rest| {
            for waiter in state.machine.failed(id, for_all, clock::now()) {
                rest.wakers
                    .extend(state.seat(waiter, Seat::Failed(error.clone())));
            }
            rest.closed.extend(state.conns.remove(&id));
        });
    }

    /// A connection is gone.
    pub(super) fn closed(self: &Arc<Self>, id: Id) {
        self.with(|state, rest| {
            state.machine.closed(id, clock::now());
            if !state.machine.is_known(id) {
                rest.closed.extend(state.conns.remove(&id));
            }
        });
    }

    /// Takes a connection back whose response has ended.
    pub(super) fn put_back(self: &Arc<Self>, id: Id, line: Line) {
        self.with(|state, rest| match &line {
            // It says so itself when it is gone, and counts until then.
            Line::One { .. } if line.is_closed() => rest.lines.push(line),
            Line::One { .. } if !line.is_ready() => {
                if let Some(conn) = state.conns.get(&id) {
                    let _ = conn.control.try_send(Control::Return(line));
                }
            }
            _ => {
                state.receive(id, line, rest);
                state.machine.ended(id, clock::now());
            }
        });
    }

    /// Takes a connection back that was not used.
    pub(super) fn hand_back(self: &Arc<Self>, id: Id, line: Line) {
        self.with(|state, rest| {
            state.receive(id, line, rest);
            state.machine.unused(id, clock::now());
        });
    }

    /// Takes note that a request was given up, or failed.
    pub(super) fn broken_off(self: &Arc<Self>, id: Id, line: Line) {
        self.with(|state, rest| {
            match line {
                Line::One { .. } => {
                    state.machine.spoilt(id);
                    if let Some(conn) = state.conns.get(&id) {
                        let _ = conn.control.try_send(Control::Abort);
                    }
                }
                Line::Many(_) => state.machine.ended(id, clock::now()),
            }
            rest.lines.push(line);
        });
    }

    /// Closes a connection whose time is over; returns when to look again.
    pub(super) fn check(self: &Arc<Self>, id: Id) -> Option<std::time::Instant> {
        self.with(|state, _| state.machine.check(id, clock::now()))
    }

    pub(super) fn reconfigure(self: &Arc<Self>, policy: PoolPolicy) {
        self.with(|state, _| {
            self.policy.store(policy);
            state.machine.reconfigure(policy, clock::now());
            for conn in state.conns.values() {
                // If it is full, there is such a word in it.
                let _ = conn.control.try_send(Control::Check);
            }
        });
    }

    pub(super) fn shut(self: &Arc<Self>) {
        self.with(|state, _| state.machine.shut());
    }

    pub(super) fn stats(&self) -> PoolStats {
        self.lock().machine.stats()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // The machine has no half-made states that outlive a panic, so a poisoned lock guards a good one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` under the lock, then does what the machine has decided.
    fn with<T>(self: &Arc<Self>, work: impl FnOnce(&mut State, &mut Rest) -> T) -> T {
        let mut rest = Rest::default();
        let result = {
            let mut state = self.lock();
            let result = work(&mut state, &mut rest);
            if !state.machine.actions.is_empty() {
                state.act(&mut rest);
            }
            result
        };
        drop((rest.closed, rest.lines));
        rest.wakers.into_iter().for_each(Waker::wake);
        for (id, key, control) in rest.opened {
            (self.open)(Attempt::new(Arc::clone(self), id, key, control));
        }
        result
    }
}

impl State {
    fn act(&mut self, rest: &mut Rest) {
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

    fn lend(&mut self, id: Id) -> Option<Line> {
        Line::lend(&mut self.conns.get_mut(&id)?.line)
    }

    /// Keeps a line for the next request.
    fn receive(&mut self, id: Id, line: Line, rest: &mut Rest) {
        match (self.conns.get_mut(&id), &line) {
            (Some(conn), Line::One { .. }) => conn.line = Some(line),
            _ => rest.lines.push(line),
        }
    }

    /// Tells one that waits.
    fn seat(&mut self, waiter: Id, seat: Seat) -> Option<Waker> {
        match self.seats.insert(waiter, seat) {
            Some(Seat::Waiting(waker)) => waker,
            _ => None,
        }
    }
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("policy", &self.policy)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
