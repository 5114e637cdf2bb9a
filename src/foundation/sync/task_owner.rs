use tokio::sync::watch;

/// Owner of tasks, which end when it is dropped.
///
/// For tasks that are not aborted from outside: each first settles what it counts, and releases its permits.
#[derive(Debug)]
pub(crate) struct TaskOwner(watch::Sender<()>);

/// A task's handle on its owner.
#[derive(Clone, Debug)]
pub(crate) struct OwnerHandle(watch::Receiver<()>);

impl TaskOwner {
    pub(crate) fn handle(&self) -> OwnerHandle {
        OwnerHandle(self.0.subscribe())
    }
}

impl Default for TaskOwner {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl OwnerHandle {
    /// Completes when the owner is dropped.
    pub(crate) async fn dropped(mut self) {
        // No value is ever sent, so a change is the closing of the channel.
        while self.0.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_learns_that_its_owner_is_gone_whenever_it_asks() {
        let owner = TaskOwner::default();
        let (waiting, later) = (owner.handle(), owner.handle());
        let task = tokio::spawn(waiting.dropped());
        tokio::task::yield_now().await;
        assert!(!task.is_finished());
        drop(owner);
        task.await.unwrap();
        later.dropped().await;
    }
}
