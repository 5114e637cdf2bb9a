use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::handle::Shared;
use crate::foundation::sync::TaskOwner;

/// Owner of the task that asks a source for new certificates; the task ends when it is dropped.
#[derive(Debug)]
pub(super) struct Follower {
    is_following: Arc<AtomicBool>,
    owner: TaskOwner,
    refresh: Duration,
}

impl Follower {
    pub(super) fn new(refresh: Duration) -> Self {
        Self {
            is_following: Arc::new(AtomicBool::new(refresh.is_zero())),
            owner: TaskOwner::default(),
            refresh,
        }
    }

    /// Starts the task, unless it runs.
    pub(super) fn follow(&self, shared: &Arc<Shared>) {
        // Relaxed: only one of several callers starts it, and nothing else depends on the flag.
        if self.is_following.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if self.is_following.swap(true, Ordering::Relaxed) {
            return;
        }
        let (owner, refresh, shared) = (self.owner.handle(), self.refresh, Arc::clone(shared));
        let ended = Ended(Arc::clone(&self.is_following));
        runtime.spawn(async move {
            let _ended = ended;
            // An owner that is still there after the interval is the usual case.
            while timeout(refresh, owner.clone().dropped()).await.is_err() {
                let shared = Arc::clone(&shared);
                // Reading files and secret stores blocks. Its error is reported as an event.
                let refreshed = tokio::task::spawn_blocking(move || drop(shared.refresh()));
                if refreshed.await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Clears the flag when the task ends, as it does with its runtime; the next handshake starts another.
struct Ended(Arc<AtomicBool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
