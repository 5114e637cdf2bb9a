//! Frees what a change has left over: outside of any request, and a little at a time.
//!
//! The routes of ten thousand hosts take half a second to free. A request that had to do it would wait
//! for so long, and all others of its thread with it.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Something large that is used no more.
pub(in crate::mesh) trait Leftover: Send {
    /// Frees a part of it.
    fn free_some(&mut self) -> Freed;
}

/// Progress of freeing a leftover.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::mesh) enum Freed {
    All,
    /// Nothing: a request is looking at it.
    InUse,
    Part,
}

/// Leftovers that wait to be freed. A thread of its own does so, and ends when there are none.
#[derive(Default)]
pub(in crate::mesh) struct Discarded(Arc<Shared>);

#[derive(Default)]
struct Shared(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    is_running: bool,
    waiting: VecDeque<Box<dyn Leftover>>,
}

/// If changes come faster than their leftovers are freed, who makes a change frees the oldest.
const MOST: usize = 4;
/// Between two parts, so that those who serve requests get the processor.
const PAUSE: Duration = Duration::from_micros(200);
/// Number of looks, a millisecond apart, whether the last request has let go.
const LOOKS: u32 = 10_000;

impl Discarded {
    /// Takes something to free.
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
            // No other thread will do it.
            self.0.run();
        }
    }

    /// Says whether everything is freed.
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

/// Says that the thread has ended, also if something panicked as it was freed.
struct Running<'a>(&'a Shared);

impl Running<'_> {
    fn next(&self) -> Option<Box<dyn Leftover>> {
        let mut queue = self.0.lock();
        let next = queue.waiting.pop_front();
        // Under the same lock, so that what comes from now on starts another thread.
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
