use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper::rt::Executor;
use tokio::task::JoinSet;

/// Executor for the tasks that hyper spawns for an HTTP/2 connection.
#[derive(Clone, Default)]
pub(super) struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    fn with<T>(&self, work: impl FnOnce(&mut JoinSet<()>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        self.with(|tasks| {
            // Ended tasks are removed here, so that the set stays small.
            while tasks.try_join_next().is_some() {}
            tasks.spawn(future);
        });
    }
}

/// Owner of a connection's tasks; dropping it aborts them.
#[derive(Default)]
pub(super) struct OwnTasks(Tasks);

impl OwnTasks {
    pub(super) fn executor(&self) -> Tasks {
        self.0.clone()
    }

    /// Polls until all tasks have ended by themselves.
    pub(super) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.with(|tasks| {
            loop {
                match tasks.poll_join_next(cx) {
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
    }
}

impl Drop for OwnTasks {
    fn drop(&mut self) {
        // Taken out of the mutex: the tasks hold the executor, a reference cycle, and dropping them
        // may lock it.
        let tasks = self.0.with(mem::take);
        drop(tasks);
    }
}
