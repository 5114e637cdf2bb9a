//! Deferred destruction of replaced routes: outside of any request, in small steps.
//!
//! The routes of ten thousand hosts take half a second to free. A request that had to do it would be delayed
//! by as much, and all others of its thread with it.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Large value that is no longer in use.
pub(in crate::mesh) trait Leftover: Send {
    /// Frees a part of it and returns the progress.
    fn free_some(&mut self) -> Freed;
}

/// Progress of freeing a leftover.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::mesh) enum Freed {
    All,
    /// Nothing is freed: a request still uses the value.
    InUse,
    Part,
}

/// Queue of leftovers. A separate thread frees them, and ends when the queue is empty.
#[derive(Default)]
pub(in crate::mesh) struct Discarded(Arc<Shared>);

#[derive(Default)]
struct Shared(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    is_running: bool,
    waiting: VecDeque<Box<dyn Leftover>>,
}

/// Maximum length of the queue. Beyond it, the thread that makes a change frees the oldest leftover itself.
const MOST: usize = 4;
/// Pause between two parts, which leaves the processor to threads that serve requests.
const PAUSE: Duration = Duration::from_micros(200);
/// Maximum number of checks, a millisecond apart, whether the last request has released the value.
const LOOKS: u32 = 10_000;

impl Discarded {
    /// Adds a leftover to the queue.
    pub(in crate::mesh) fn take(&self, leftover: Box<dyn Leftover>) {
        let (surplus, is_running) = {
            let mut queue = self.0.lock();
            queue.waiting.push_back(leftover);
            let is_full = queue.waiting.len() > MOST;
            let surplus = is_full.then(|| queue.waiting.pop_front()).flatten();
            (surplus, std::mem::replace(&mut queue.is_running, true))
        };
        drop(surplus);
        if is_running {
            return;
        }
        let shared = Arc::clone(&self.0);
        let thread = thread::Builder::new().name("meshless free".to_owned());
        if thread.spawn(move || shared.run()).is_err() {
            // No thread can be spawned: free on this one.
            self.0.run();
        }
    }

    /// Returns true if everything is freed.
    #[cfg(test)]
    pub(in crate::mesh) fn is_empty(&self) -> bool {
        !self.0.lock().is_running
    }
}

impl Shared {
    fn run(&self) {
        let running = Running(self);
        while let Some(leftover) = running.next() {
            free(leftover);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing is freed under the lock, so nothing panics there.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Guard that records the end of the thread, also after a panic in a destructor.
struct Running<'a>(&'a Shared);

impl Running<'_> {
    fn next(&self) -> Option<Box<dyn Leftover>> {
        let mut queue = self.0.lock();
        let next = queue.waiting.pop_front();
        // Under the same lock, so that a later leftover starts another thread.
        queue.is_running = next.is_some();
        next
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().is_running = false;
        }
    }
}

fn free(mut leftover: Box<dyn Leftover>) {
    let mut looks = 0;
    loop {
        match leftover.free_some() {
            Freed::All => return,
            Freed::InUse if looks == LOOKS => return,
            Freed::InUse => {
                looks += 1;
                thread::sleep(Duration::from_millis(1));
            }
            Freed::Part => thread::sleep(PAUSE),
        }
    }
}

impl Debug for Discarded {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discarded")
            .field("waiting", &self.0.lock().waiting.len())
            .finish_non_exhaustive()
    }
}
