use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::task::refresh_loop;
use super::{DnsName, Resolver};
use crate::foundation::endpoints::{Endpoint, Endpoints};
use crate::foundation::outcome::DnsFailure;

/// Handle of the tasks that keep the endpoints of names up to date; dropping it stops them.
#[derive(Debug)]
#[must_use = "the endpoints are not kept up to date after this is dropped"]
pub struct DnsTask {
    #[cfg_attr(
        not(feature = "istio"),
        expect(dead_code, reason = "a mesh alone asks")
    )]
    reasons: Arc<Reasons>,
    tasks: JoinSet<()>,
    unresolved: watch::Receiver<usize>,
}

impl DnsTask {
    /// Waits up to `limit` until every name has an answer (an empty answer counts); returns true if
    /// all have one.
    ///
    /// Without this wait the set is empty at first. Names without an answer in time are still
    /// retried.
    pub async fn resolved_within(&self, limit: Duration) -> bool {
        let mut unresolved = self.unresolved.clone();
        let answered = unresolved.wait_for(|count| *count == 0);
        let answered = tokio::time::timeout(limit, answered).await;
        answered.is_ok_and(|answered| answered.is_ok())
    }

    /// Returns the number of names without an answer so far.
    #[cfg(feature = "istio")]
    pub(crate) fn unresolved(&self) -> watch::Receiver<usize> {
        self.unresolved.clone()
    }

    /// Why names stand for nothing.
    #[cfg(feature = "istio")]
    pub(crate) fn reasons(&self) -> Arc<Reasons> {
        Arc::clone(&self.reasons)
    }

    /// Says whether nothing is kept up to date any more: the names are all addresses, or the runtime is
    /// gone.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        // The channel is closed once every task has ended and dropped its aggregator.
        self.tasks.is_empty() || self.unresolved.has_changed().is_err()
    }
}

/// The endpoints of several names, put together.
#[derive(Debug)]
pub(super) struct EndpointAggregator {
    endpoints: Endpoints,
    /// Endpoints of each name; `None` before its first answer.
    lists: Mutex<Vec<Option<Vec<Endpoint>>>>,
    unresolved: watch::Sender<usize>,
    reasons: Arc<Reasons>,
}

/// Why each name could not be resolved the last time, if that was so.
#[derive(Debug)]
pub(crate) struct Reasons(Mutex<Vec<Option<DnsFailure>>>);

impl Reasons {
    /// Returns why a name could not be resolved the last time, if that was so for one of them.
    #[cfg(feature = "istio")]
    pub(crate) fn unresolved(&self) -> Option<DnsFailure> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().flatten().next().copied()
    }
}

impl EndpointAggregator {
    /// Replaces the endpoints of one name.
    pub(super) fn update(&self, index: usize, list: Vec<Endpoint>) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists[index] = Some(list);
        // The set stays empty until every name has an entry, so that the endpoints start together.
        if lists.iter().all(Option::is_some) {
            // Under the lock: otherwise an older merged list could overwrite a newer one.
            self.endpoints
                .update(lists.iter().flatten().flatten().cloned());
        }
    }

    /// Takes note of why a name could not be resolved, or that it was.
    pub(super) fn note(&self, index: usize, reason: Option<DnsFailure>) {
        let mut all = self
            .reasons
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all[index] = reason;
    }

    /// Takes note that one name more has had its first answer.
    pub(super) fn resolved(&self) {
        self.unresolved.send_modify(|count| *count -= 1);
    }
}

/// Starts a task for each name.
pub(super) fn start(resolver: &Resolver, names: Vec<DnsName>, endpoints: &Endpoints) -> DnsTask {
    let (sender, unresolved) = watch::channel(names.len());
    let reasons = Arc::new(Reasons(Mutex::new(vec![None; names.len()])));
    let aggregator = Arc::new(EndpointAggregator {
        endpoints: endpoints.clone(),
        lists: Mutex::new(vec![None; names.len()]),
        unresolved: sender,
        reasons: Arc::clone(&reasons),
    });
    let mut tasks = JoinSet::new();
    for (index, name) in names.into_iter().enumerate() {
        // An IP address needs no task: it never changes.
        let fixed = name.port().zip(name.name().parse().ok());
        if let Some((port, ip)) = fixed {
            let address = std::net::SocketAddr::new(ip, port);
            aggregator.update(index, vec![name.endpoint(address, 1)]);
            aggregator.resolved();
        } else {
            let aggregator = Arc::clone(&aggregator);
            tasks.spawn(refresh_loop(resolver.clone(), name, index, aggregator));
        }
    }
    DnsTask {
        reasons,
        tasks,
        unresolved,
    }
}
