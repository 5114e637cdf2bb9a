//! Names whose addresses are the endpoints of a destination.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::foundation::endpoints::Endpoints;
use crate::istio::config::DnsConfig;
use crate::mesh::options::Options;

/// Whether all names have had an answer.
#[derive(Debug)]
pub(in crate::mesh) struct FirstResolution {
    is_complete: AtomicBool,
    limit: Duration,
    unresolved: watch::Receiver<usize>,
}

impl FirstResolution {
    pub(in crate::mesh) fn is_complete(&self) -> bool {
        // Nothing hangs on it but whether to look closer.
        if self.is_complete.load(Ordering::Relaxed) {
            return true;
        }
        let is_over = *self.unresolved.borrow() == 0;
        if is_over {
            self.is_complete.store(true, Ordering::Relaxed);
        }
        is_over
    }

    /// Waits until it is; no longer than a name server has for its answer, and a look at the addresses takes.
    pub(in crate::mesh) async fn wait(&self) {
        let mut unresolved = self.unresolved.clone();
        let answered = unresolved.wait_for(|count| *count == 0);
        // Too late, or nobody asks any more: whoever is known by then is asked.
        let _ = tokio::time::timeout(self.limit, answered).await;
    }
}

/// Keeps the endpoints of a destination up to date, as long as its plan names them.
#[derive(Debug, Default)]
pub(in crate::mesh) struct DnsSubscription {
    #[cfg(feature = "dns")]
    followed: std::sync::Mutex<Option<Subscribed>>,
}

#[cfg(feature = "dns")]
#[derive(Debug)]
struct Subscribed {
    first: Arc<FirstResolution>,
    task: crate::transport::dns::DnsTask,
    names: Vec<DnsConfig>,
}

/// Says whether DNS is asked for a name here, and not by whoever connects.
pub(in crate::mesh) fn is_followed(name: &DnsConfig) -> bool {
    cfg!(feature = "dns") && !name.is_one
}

#[cfg(not(feature = "dns"))]
impl DnsSubscription {
    #[expect(
        clippy::unused_self,
        reason = "with the feature there is something to forget"
    )]
    pub(in crate::mesh) fn retain(&self, _names: &[DnsConfig]) {}

    #[expect(
        clippy::unused_self,
        reason = "with the feature there is something to know"
    )]
    pub(in crate::mesh) const fn unresolved(
        &self,
    ) -> Option<crate::foundation::outcome::DnsFailure> {
        None
    }

    #[expect(
        clippy::unused_self,
        reason = "with the feature there is something to know"
    )]
    pub(in crate::mesh) fn follow(
        &self,
        _names: &[DnsConfig],
        _endpoints: &Endpoints,
        _options: &Options,
    ) -> Option<Arc<FirstResolution>> {
        None
    }
}

#[cfg(feature = "dns")]
impl DnsSubscription {
    /// Stops following what is not these names.
    pub(in crate::mesh) fn retain(&self, names: &[DnsConfig]) {
        let mut followed = self.lock();
        if followed.as_ref().is_some_and(|known| known.names != names) {
            *followed = None;
        }
    }

    /// Has the endpoints be the addresses of these names from now on. Those that are followed already go
    /// on as they are. Without a runtime, and so without anybody who waits, nothing happens.
    pub(in crate::mesh) fn follow(
        &self,
        names: &[DnsConfig],
        endpoints: &Endpoints,
        options: &Options,
    ) -> Option<Arc<FirstResolution>> {
        tokio::runtime::Handle::try_current().ok()?;
        let mut followed = self.lock();
        if let Some(known) = &*followed
            && known.names == names
            && !known.task.is_finished()
        {
            return Some(Arc::clone(&known.first));
        }
        let resolver = options.resolver()?;
        let names_of = names.iter().filter_map(name);
        let task = resolver.spawn_refresh(endpoints, names_of);
        let first = Arc::new(FirstResolution {
            is_complete: AtomicBool::new(false),
            // Which family works is found out after that.
            limit: resolver
                .policy()
                .timeout()
                .saturating_add(crate::transport::dns::RACE_LIMIT),
            unresolved: task.unresolved(),
        });
        *followed = Some(Subscribed {
            first: Arc::clone(&first),
            task,
            names: names.to_vec(),
        });
        Some(first)
    }

    /// Returns why a name could not be resolved the last time, if that was so.
    pub(in crate::mesh) fn unresolved(&self) -> Option<crate::foundation::outcome::DnsFailure> {
        let reasons = self.lock().as_ref()?.task.reasons();
        reasons.unresolved()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Subscribed>> {
        self.followed
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(feature = "dns")]
fn name(config: &DnsConfig) -> Option<crate::transport::dns::DnsName> {
    let name = crate::transport::dns::DnsName::host(config.name.clone(), config.port);
    let name = name.inspect_err(|error| tracing::warn!("an endpoint is left out: {error}"));
    let labels = config.labels.iter();
    let labelled = labels.fold(name.ok()?, |name, (label, value)| {
        name.with_label(label.clone(), value.clone())
    });
    Some(labelled.with_weight(config.weight))
}
