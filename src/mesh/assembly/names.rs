//! Names whose addresses are the endpoints of a destination.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::options::Options;
use crate::Endpoints;
use crate::istio::plan::DnsPlan;

/// Whether all names have had an answer.
#[derive(Debug)]
pub(super) struct First {
    is_over: AtomicBool,
    limit: Duration,
    unanswered: watch::Receiver<usize>,
}

impl First {
    pub(super) fn is_over(&self) -> bool {
        // Nothing hangs on it but whether to look closer.
        if self.is_over.load(Ordering::Relaxed) {
            return true;
        }
        let is_over = *self.unanswered.borrow() == 0;
        if is_over {
            self.is_over.store(true, Ordering::Relaxed);
        }
        is_over
    }

    /// Waits until it is; no longer than a name server has for its answer, and a look at the addresses takes.
    pub(super) async fn over(&self) {
        let mut unanswered = self.unanswered.clone();
        let answered = unanswered.wait_for(|count| *count == 0);
        // Too late, or nobody asks any more: whoever is known by then is asked.
        let _ = tokio::time::timeout(self.limit, answered).await;
    }
}

/// Keeps the endpoints of a destination up to date, as long as its plan names them.
#[derive(Debug, Default)]
pub(super) struct Names {
    #[cfg(feature = "dns")]
    followed: std::sync::Mutex<Option<Followed>>,
}

#[cfg(feature = "dns")]
#[derive(Debug)]
struct Followed {
    first: Arc<First>,
    following: crate::dns::DnsFollowing,
    names: Vec<DnsPlan>,
}

/// Says whether DNS is asked for a name here, and not by whoever connects.
pub(super) fn is_followed(name: &DnsPlan) -> bool {
    cfg!(feature = "dns") && !name.is_one
}

#[cfg(not(feature = "dns"))]
impl Names {
    #[expect(
        clippy::unused_self,
        reason = "with the feature there is something to forget"
    )]
    pub(super) fn forget_all_but(&self, _names: &[DnsPlan]) {}

    #[expect(
        clippy::unused_self,
        reason = "with the feature there is something to know"
    )]
    pub(super) const fn unresolved(&self) -> Option<crate::base::Unresolved> {
        None
    }

    #[expect(
        clippy::unused_self,
        reason = "with the feature there is something to know"
    )]
    pub(super) fn follow(
        &self,
        _names: &[DnsPlan],
        _endpoints: &Endpoints,
        _options: &Options,
    ) -> Option<Arc<First>> {
        None
    }
}

#[cfg(feature = "dns")]
impl Names {
    /// Stops following what is not these names.
    pub(super) fn forget_all_but(&self, names: &[DnsPlan]) {
        let mut followed = self.lock();
        if followed.as_ref().is_some_and(|known| known.names != names) {
            *followed = None;
        }
    }

    /// Has the endpoints be the addresses of these names from now on. Those that are followed already go
    /// on as they are. Without a runtime, and so without anybody who waits, nothing happens.
    pub(super) fn follow(
        &self,
        names: &[DnsPlan],
        endpoints: &Endpoints,
        options: &Options,
    ) -> Option<Arc<First>> {
        tokio::runtime::Handle::try_current().ok()?;
        let mut followed = self.lock();
        if let Some(known) = &*followed
            && known.names == names
            && !known.following.is_finished()
        {
            return Some(Arc::clone(&known.first));
        }
        let resolver = options.resolver()?;
        let names_of = names.iter().filter_map(name);
        let following = resolver.keep(endpoints, names_of);
        let first = Arc::new(First {
            is_over: AtomicBool::new(false),
            // Which family works is found out after that.
            limit: resolver
                .policy()
                .timeout()
                .saturating_add(crate::dns::RACE_LIMIT),
            unanswered: following.unanswered(),
        });
        *followed = Some(Followed {
            first: Arc::clone(&first),
            following,
            names: names.to_vec(),
        });
        Some(first)
    }

    /// Returns why a name could not be resolved the last time, if that was so.
    pub(super) fn unresolved(&self) -> Option<crate::base::Unresolved> {
        let reasons = self.lock().as_ref()?.following.reasons();
        reasons.unresolved()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Followed>> {
        self.followed
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(feature = "dns")]
fn name(plan: &DnsPlan) -> Option<crate::dns::DnsName> {
    let name = crate::dns::DnsName::host(plan.name.clone(), plan.port);
    let name = name.inspect_err(|error| tracing::warn!("an endpoint is left out: {error}"));
    let labels = plan.labels.iter();
    let labelled = labels.fold(name.ok()?, |name, (label, value)| {
        name.with_label(label.clone(), value.clone())
    });
    Some(labelled.with_weight(plan.weight))
}
