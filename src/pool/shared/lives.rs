//! What becomes of the connections, as their tasks and those who had them tell it.

use std::sync::Arc;
use std::time::Instant;

use super::super::lease::Line;
use super::super::machine::Id;
use super::state::Seat;
use super::{Control, Shared};
use crate::base::{PoolError, clock};

impl Shared {
    /// A connection stands. Says no if it is gone already.
    pub(in crate::pool) fn connected(self: &Arc<Self>, id: Id, line: Line) -> bool {
        let is_many = matches!(line, Line::Many(_));
        self.with(|state, rest| {
            rest.failures.extend(state.last_failure.take());
            match state.conns.get_mut(&id) {
                Some(conn) => conn.line = Some(line),
                None => rest.lines.push(line),
            }
            state.machine.connected(id, is_many, clock::now())
        })
    }

    pub(in crate::pool) fn widen(self: &Arc<Self>, id: Id, streams: u32) {
        self.with(|state, _| state.machine.widen(id, streams, clock::now()));
    }

    /// A connection could not be made; `for_all` that wait for it if nobody would make another one.
    pub(in crate::pool) fn failed(self: &Arc<Self>, id: Id, error: &PoolError, for_all: bool) {
        self.with(|state, rest| {
            if !matches!(error, PoolError::Stopped) {
                rest.failures
                    .extend(state.last_failure.replace(error.clone()));
            }
            for waiter in state.machine.failed(id, for_all, clock::now()) {
                rest.wakers
                    .extend(state.seat(waiter, Seat::Failed(error.clone())));
            }
            rest.closed.extend(state.conns.remove(&id));
        });
    }

    /// A connection is gone.
    pub(in crate::pool) fn closed(self: &Arc<Self>, id: Id) {
        self.with(|state, rest| {
            state.machine.closed(id, clock::now());
            if !state.machine.is_known(id) {
                rest.closed.extend(state.conns.remove(&id));
            }
        });
    }

    /// Takes a connection back whose response has ended.
    pub(in crate::pool) fn put_back(self: &Arc<Self>, id: Id, line: Line) {
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
    pub(in crate::pool) fn hand_back(self: &Arc<Self>, id: Id, line: Line) {
        self.with(|state, rest| {
            state.receive(id, line, rest);
            state.machine.unused(id, clock::now());
        });
    }

    /// Takes note that a connection was closed before it was used.
    pub(in crate::pool) fn spoilt(self: &Arc<Self>, id: Id, line: Line) {
        self.with(|state, rest| {
            state.machine.spoilt(id);
            rest.lines.push(line);
        });
    }

    /// Takes note that a request was given up, or failed.
    pub(in crate::pool) fn broken_off(self: &Arc<Self>, id: Id, line: Line) {
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
    pub(in crate::pool) fn check(self: &Arc<Self>, id: Id) -> Option<Instant> {
        self.with(|state, _| state.machine.check(id, clock::now()))
    }
}
