//! State shared by all clones of a pool.

pub(super) mod control;
mod lives;
mod state;

use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use self::control::Control;
use self::state::{AfterUnlock, State, WaiterStatus};
use super::connection::attempt::Attempt;
use super::connection::lease::Lease;
use super::key::PoolKey;
use super::machine::{Arrival, PoolId};
use super::wait::Wait;
use super::{PoolPolicy, PoolStats};
use crate::foundation::deadline::Deadline;
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::outcome::{Overflow, PoolError, Rejection};
use crate::foundation::sync::Reloadable;
use crate::foundation::time::clock;

/// Spawns the task of a connection attempt.
pub(super) type Open = dyn Fn(Attempt) + Send + Sync;

pub(super) struct Shared {
    emitter: Emitter,
    open: Box<Open>,
    pub(super) policy: Reloadable<PoolPolicy>,
    state: Mutex<State>,
}

/// Result of a request's entry into the pool.
pub(super) enum Entry {
    Leased(Lease),
    Rejected(Rejection),
    Waiting(Wait),
}

impl Shared {
    pub(super) fn new(policy: PoolPolicy, emitter: Emitter, open: Box<Open>) -> Self {
        Self {
            emitter,
            open,
            policy: Reloadable::new(policy),
            state: Mutex::new(State::new(policy)),
        }
    }

    /// Assigns a connection to a request, or queues it up to its caller's deadline.
    pub(super) fn enter(self: &Arc<Self>, key: &PoolKey, deadline: Option<Deadline>) -> Entry {
        let now = clock::now();
        let arrival = self.with(|state, after| {
            loop {
                let arrival = state.machine.arrive(key, now);
                let Arrival::Granted(grant) = arrival else {
                    if let Arrival::Waits(waiter) = arrival {
                        state.waiters.insert(waiter, WaiterStatus::Waiting(None));
                    }
                    return Err(arrival);
                };
                match state.lend(grant.conn) {
                    Some(sender) if !sender.is_closed() => return Ok((grant, sender)),
                    // The peer closed it while idle: ask the machine again. Its task reports the
                    // end.
                    unusable => {
                        after.senders.extend(unusable);
                        state.machine.mark_unusable(grant.conn);
                    }
                }
            }
        });
        match arrival {
            Ok((grant, sender)) => Entry::Leased(Lease::new(Arc::clone(self), grant, sender)),
            Err(Arrival::Rejected(max)) => Entry::Rejected(self.reject(Overflow::Connection(max))),
            Err(Arrival::Waits(waiter)) => {
                let shared = Arc::clone(self);
                match Wait::new(shared, key.clone(), waiter, deadline, now) {
                    Ok(wait) => Entry::Waiting(wait),
                    Err(overflow) => Entry::Rejected(self.reject(overflow)),
                }
            }
            Err(Arrival::Granted(_)) => unreachable!("a granted arrival has returned Ok"),
        }
    }

    pub(super) const fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    pub(super) fn reject(&self, overflow: Overflow) -> Rejection {
        let rejection = Rejection::Overflow(overflow);
        self.emitter.emit(&EventKind::Rejected(rejection));
        rejection
    }

    /// Polls the result of a waiter.
    pub(super) fn poll_waiter(
        self: &Arc<Self>,
        waiter: PoolId,
        waker: &Waker,
    ) -> Poll<Result<Lease, PoolError>> {
        let (taken, replaced) = {
            let mut state = self.lock();
            match state.waiters.get_mut(&waiter) {
                Some(WaiterStatus::Waiting(Some(known))) if known.will_wake(waker) => (None, None),
                Some(WaiterStatus::Waiting(known)) => (None, known.replace(waker.clone())),
                _ => (state.waiters.remove(&waiter), None),
            }
        };
        // Dropped outside the lock, since wakers run foreign code.
        drop(replaced);
        match taken {
            None | Some(WaiterStatus::Waiting(_)) => Poll::Pending,
            Some(WaiterStatus::Failed(error)) => Poll::Ready(Err(error)),
            Some(WaiterStatus::Granted(grant, sender)) => {
                Poll::Ready(Ok(Lease::new(Arc::clone(self), grant, sender)))
            }
        }
    }

    /// Removes a waiter; a connection assigned to it meanwhile goes to the next one.
    pub(super) fn remove_waiter(self: &Arc<Self>, key: &PoolKey, waiter: PoolId) {
        let taken = self.with(|state, _| {
            state.machine.give_up(key, waiter);
            state.waiters.remove(&waiter)
        });
        if let Some(WaiterStatus::Granted(grant, sender)) = taken {
            self.hand_back(grant.conn, sender);
        }
    }

    pub(super) fn reconfigure(self: &Arc<Self>, policy: PoolPolicy) {
        self.with(|state, _| {
            self.policy.store(policy);
            state.machine.reconfigure(policy, clock::now());
            for conn in state.conns.values() {
                // If the channel is full, a `Check` is in it.
                conn.control.send(Control::Check);
            }
        });
    }

    #[cfg(all(feature = "istio", feature = "reqwest"))]
    pub(super) fn last_failure(&self) -> Option<PoolError> {
        self.lock().last_failure.clone()
    }

    #[cfg(all(feature = "istio", feature = "reqwest"))]
    pub(super) fn forget(self: &Arc<Self>, way: &super::key::Way) {
        self.with(|state, _| state.machine.forget_hosts(|key| key.way() == Some(way)));
    }

    pub(super) fn shutdown(self: &Arc<Self>) {
        self.with(|state, _| state.machine.shutdown());
    }

    pub(super) fn stats(&self) -> PoolStats {
        self.lock().machine.stats()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // The state stays consistent after a panic of another thread, so a poisoned lock is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` under the lock, then carries out the machine's actions.
    fn with<T>(self: &Arc<Self>, work: impl FnOnce(&mut State, &mut AfterUnlock) -> T) -> T {
        let mut after = AfterUnlock::default();
        let result = {
            let mut state = self.lock();
            let result = work(&mut state, &mut after);
            if !state.machine.actions.is_empty() {
                state.act(&mut after);
            }
            result
        };
        drop((after.closed, after.failures, after.senders));
        after.wakers.into_iter().for_each(Waker::wake);
        for (id, key, control) in after.opened {
            (self.open)(Attempt::new(Arc::clone(self), id, key, control));
        }
        result
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
