//! DNS names whose addresses are the endpoints of a cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::foundation::endpoints::Endpoints;
use crate::foundation::events::Emitter;
use crate::istio::config::DnsConfig;
use crate::mesh::service_mesh::options::Options;

/// Completion of the first DNS resolution of all names.
#[derive(Debug)]
pub(in crate::mesh) struct FirstResolution {
    is_complete: AtomicBool,
    limit: Duration,
    unresolved: watch::Receiver<usize>,
}

impl FirstResolution {
    pub(in crate::mesh) fn is_complete(&self) -> bool {
        // Relaxed: the flag only caches the result, and the watch channel synchronizes.
        if self.is_complete.load(Ordering::Relaxed) {
            return true;
        }
        let is_over = *self.unresolved.borrow() == 0;
        if is_over {
            self.is_complete.store(true, Ordering::Relaxed);
        }
        is_over
    }

    /// Waits for the completion, at most for one DNS timeout and one race of the address families.
    pub(in crate::mesh) async fn wait(&self) {
        let mut unresolved = self.unresolved.clone();
        let answered = unresolved.wait_for(|count| *count == 0);
        // A timeout or a dropped sender is no error: the endpoints that are known by then are used.
        let _ = tokio::time::timeout(self.limit, answered).await;
    }
}

/// DNS refresh of the endpoints of a cluster, for as long as its configuration has the same names.
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

/// Returns true if DNS refresh resolves the name; otherwise it is resolved for each connection.
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
        _emitter: impl FnOnce() -> Emitter,
    ) -> Option<Arc<FirstResolution>> {
        None
    }
}

#[cfg(feature = "dns")]
impl DnsSubscription {
    /// Stops the refresh unless it is for these names.
    pub(in crate::mesh) fn retain(&self, names: &[DnsConfig]) {
        let mut followed = self.lock();
        if followed.as_ref().is_some_and(|known| known.names != names) {
            *followed = None;
        }
    }

    /// Starts the refresh of these names, whose addresses become the endpoints. A running refresh of the same
    /// names continues. Without a runtime nothing happens: no request can wait then.
    pub(in crate::mesh) fn follow(
        &self,
        names: &[DnsConfig],
        endpoints: &Endpoints,
        options: &Options,
        emitter: impl FnOnce() -> Emitter,
    ) -> Option<Arc<FirstResolution>> {
        tokio::runtime::Handle::try_current().ok()?;
        let mut followed = self.lock();
        if let Some(known) = &*followed
            && known.names == names
            && !known.task.is_finished()
        {
            return Some(Arc::clone(&known.first));
        }
        let resolver = options.resolver()?.with_emitter(emitter());
        let names_of = names.iter().filter_map(name);
        let task = resolver.spawn_refresh(endpoints, names_of);
        let first = Arc::new(FirstResolution {
            is_complete: AtomicBool::new(false),
            // The race between IPv4 and IPv6 follows the answer.
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

    /// Returns the reason of the last failed resolution, if a name is unresolved.
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
    let name = name.inspect_err(|error| tracing::warn!("an endpoint is skipped: {error}"));
    let labels = config.labels.iter();
    let labelled = labels.fold(name.ok()?, |name, (label, value)| {
        name.with_label(label.clone(), value.clone())
    });
    Some(labelled.with_weight(config.weight))
}
