use tokio::sync::watch;

/// Readiness of a service, for its probe. Clones share it; the default is ready for good.
#[derive(Clone, Debug)]
pub struct Readiness(watch::Receiver<bool>);

/// The end of a [`Readiness`].
#[derive(Debug)]
pub(super) struct ReadinessEnd(watch::Sender<bool>);

impl Readiness {
    /// Returns false once the service shuts down.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !*self.0.borrow()
    }

    /// Completes when the service shuts down, for work without an end of its own, such as a stream of events. The
    /// default never does.
    pub async fn ended(&self) {
        let mut ended = self.0.clone();
        if ended.wait_for(|is_ended| *is_ended).await.is_err() {
            // Its shutdown is gone without having run.
            std::future::pending::<()>().await;
        }
    }
}

impl ReadinessEnd {
    pub(super) fn readiness(&self) -> Readiness {
        Readiness(self.0.subscribe())
    }

    pub(super) fn end(&self) {
        self.0.send_replace(true);
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self(watch::channel(false).1)
    }
}

impl Default for ReadinessEnd {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}
