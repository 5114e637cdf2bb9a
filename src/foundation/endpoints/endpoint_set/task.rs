use std::future::poll_fn;
use std::pin::pin;

use futures_core::Stream;
use tokio::task::JoinHandle;

use super::Endpoints;
use crate::foundation::endpoints::Endpoint;

impl Endpoints {
    /// Replaces the list by each one that `updates` yields, until the returned handle is dropped.
    ///
    /// The last list remains when the stream ends. A stream that meets an error should retry
    /// instead of yielding an empty list: stale endpoints are better than none.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, which runs the task that waits for the stream.
    pub fn follow<U>(&self, updates: U) -> EndpointsTask
    where
        U: Stream<Item = Vec<Endpoint>> + Send + 'static,
    {
        let endpoints = self.clone();
        EndpointsTask(tokio::spawn(async move {
            let mut updates = pin!(updates);
            while let Some(list) = poll_fn(|cx| updates.as_mut().poll_next(cx)).await {
                endpoints.update(list);
            }
        }))
    }
}

/// Handle of the task that updates [`Endpoints`]; dropping it stops the task.
#[derive(Debug)]
#[must_use = "the task stops when this is dropped"]
pub struct EndpointsTask(JoinHandle<()>);

impl EndpointsTask {
    /// True if the stream has ended, or panicked.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for EndpointsTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}
