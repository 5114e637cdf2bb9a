//! What all clones of a pool have in common, and how a request gets its place there.

mod lives;
mod state;

use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use self::state::{AfterUnlock, State, WaiterStatus};
use super::connection::attempt::Attempt;
use super::connection::lease::{Lease, RequestSender};
use super::key::PoolKey;
use super::machine::{Arrival, PoolId};
use super::wait::Wait;
use super::{PoolPolicy, PoolStats};
use crate::foundation::deadline::Deadline;
use crate::foundation::events::{Event, Observe};
use crate::foundation::outcome::{Overflow, PoolError, Rejection};
use crate::foundation::sync::Reloadable;
use crate::foundation::time::clock;

/// Starts the task that makes a connection.
pub(super) type Open = dyn Fn(Attempt) + Send + Sync;

pub(super) struct Shared {
    observe: Arc<dyn Observe>,
    open: Box<Open>,
    pub(super) policy: Reloadable<PoolPolicy>,
    state: Mutex<State>,
}

/// What the task of a connection is told.
#[derive(Debug)]
pub(super) enum Control {
    /// To close at once.
    Abort,
    /// To look whether its time is over.
    Check,
    /// To put it back when it can take a request.
    Return(RequestSender),
}

/// What a request gets when it comes.
pub(super) enum Entry {
    Leased(Lease),
    Rejected(Rejection),
    Waiting(Wait),
}

impl Shared {
    pub(super) fn new(policy: PoolPolicy, observe: Arc<dyn Observe>, open: Box<Open>) -> Self {
        Self {
            observe,
            open,
            policy: Reloadable::new(policy),
            state: Mutex::new(State::new(policy)),
        }
    }

    /// Gives a request a place, or lets it wait for one, but not beyond its caller's deadline.
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
                    spoilt => {
                        after.senders.extend(spoilt);
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
            Err(Arrival::Granted(_)) => unreachable!("a grant is a place"),
        }
    }

    pub(super) fn reject(&self, overflow: Overflow) -> Rejection {
        let rejection = Rejection::Overflow(overflow);
        self.observe.on_event(&Event::Rejected(rejection));
        rejection
    }

    /// Looks whether the turn of one that waits has come.
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
        // A waker is foreign code: outside the lock.
        drop(replaced);
        match taken {
            None | Some(WaiterStatus::Waiting(_)) => Poll::Pending,
            Some(WaiterStatus::Failed(error)) => Poll::Ready(Err(error)),
            Some(WaiterStatus::Granted(grant, sender)) => {
                Poll::Ready(Ok(Lease::new(Arc::clone(self), grant, sender)))
            }
        }
    }

    /// One that waits goes away; a place that has come at the last moment goes to the next one.
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
                // If it is full, there is such a word in it.
                let _ = conn.control.try_send(Control::Check);
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
        // The machine has no half-made states that outlive a panic, so a poisoned lock guards a good one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` under the lock, then does what the machine has decided.
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
