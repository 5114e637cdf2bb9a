mod entries;
mod task;

pub(crate) use entries::{EndpointEntry, EndpointSnapshot};
pub use task::EndpointsTask;

use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;

use self::entries::EndpointSet;
use super::Endpoint;
use crate::foundation::time::clock;

/// The endpoints of one cluster, which change over time.
///
/// Clones share one set. A load balancer or outlier detector over it observes every change with the
/// next request; requests in flight to a removed endpoint are not interrupted.
///
/// ```
/// use meshless::{Endpoint, Endpoints};
///
/// # fn main() -> Result<(), http::uri::InvalidUri> {
/// let v1 = Endpoint::try_from("10.0.0.1:8000")?.with_label("version", "v1");
/// let v2 = Endpoint::try_from("10.0.0.2:8000")?.with_label("version", "v2");
/// let all = Endpoints::fixed([v1.clone(), v2]);
/// let canary = all.subset([("version", "v2")]);
/// assert_eq!((all.len(), canary.len()), (2, 1));
///
/// // A new list, as from a registry: endpoints on both lists keep their identity.
/// all.update([v1]);
/// assert!(canary.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Endpoints(Arc<Shared>);

struct Shared {
    labels: Vec<(Box<str>, Box<str>)>,
    members: Mutex<(EndpointSet, Vec<Weak<Self>>)>,
    snapshot: ArcSwap<EndpointSnapshot>,
    /// Detectors that eject members of the set, and take them back when asked.
    sweeps: Mutex<Vec<Weak<dyn Sweep>>>,
    version: AtomicU64,
}

/// A detector that takes back those who have served their ejections.
pub(crate) trait Sweep: Send + Sync {
    /// Does the sweeps that are due at `now`.
    fn sweep(&self, now: Instant);
}

impl Endpoints {
    /// Creates a set of these endpoints, which is constant unless it is [updated](Self::update).
    #[must_use]
    pub fn fixed<E: Into<Endpoint>>(endpoints: impl IntoIterator<Item = E>) -> Self {
        let endpoints: Vec<_> = endpoints.into_iter().map(Into::into).collect();
        Self::of(&endpoints, Vec::new())
    }

    /// Replaces the list.
    ///
    /// An endpoint whose address and labels equal those of a current one is that endpoint: it keeps
    /// its identity and its state, and takes the new weight. Of two such endpoints in the list, the
    /// first counts.
    pub fn update<E: Into<Endpoint>>(&self, endpoints: impl IntoIterator<Item = E>) {
        let endpoints: Vec<_> = endpoints.into_iter().map(Into::into).collect();
        self.0.update(&endpoints, clock::now());
    }

    /// Returns the subset of endpoints that have all these labels with these values; it follows
    /// every update.
    ///
    /// As in Envoy, where a subset is a separate cluster, ejection is separate: an endpoint ejected
    /// from one set is not ejected from the other. Requests in flight are counted together.
    #[must_use]
    pub fn subset<K, V>(&self, labels: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        let labels = labels.into_iter();
        let labels: Vec<_> = labels.map(|(k, v)| (k.into(), v.into())).collect();
        let mut members = self.0.lock();
        let subset = Self::of(&members.0.endpoints(), labels);
        members.1.push(Arc::downgrade(&subset.0));
        subset
    }

    /// Returns the number of endpoints, ejected ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.snapshot.load().all().len()
    }

    /// True if the set has no endpoints.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns all endpoints, ejected ones included.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Endpoint> {
        let snapshot = self.0.snapshot.load();
        let all = snapshot.all().iter();
        all.map(|member| member.endpoint.clone()).collect()
    }

    /// Says whether `endpoint` is passed over for now, as an outlier. One whose ejection is over by now is
    /// back, also if there were no requests meanwhile.
    #[must_use]
    pub fn is_ejected(&self, endpoint: &Endpoint) -> bool {
        let is_out = || {
            let snapshot = self.0.snapshot.load();
            let mut all = snapshot.all().iter();
            all.any(|member| member.endpoint == *endpoint && member.ejected)
        };
        is_out() && {
            self.sweep(clock::now());
            is_out()
        }
    }

    fn of(endpoints: &[Endpoint], labels: Vec<(Box<str>, Box<str>)>) -> Self {
        let mut members = EndpointSet::default();
        members.update(&selected(endpoints, &labels), clock::now());
        let snapshot = members.snapshot();
        let version = AtomicU64::new(snapshot.version());
        Self(Arc::new(Shared {
            labels,
            members: Mutex::new((members, Vec::new())),
            snapshot: ArcSwap::from_pointee(snapshot),
            sweeps: Mutex::default(),
            version,
        }))
    }
}

impl Endpoints {
    /// Returns a number that increases with every change.
    pub(crate) fn version(&self) -> u64 {
        // Acquire pairs with the Release in `publish`: a thread that sees a version finds a
        // snapshot at least as new.
        self.0.version.load(Ordering::Acquire)
    }

    pub(crate) fn snapshot(&self) -> Arc<EndpointSnapshot> {
        self.0.snapshot.load_full()
    }

    /// Passes an endpoint over from now on, or takes it back at `now`.
    /// Has `detector` do its sweeps before the set says whether an endpoint is ejected.
    pub(crate) fn swept_by(&self, detector: Weak<dyn Sweep>) {
        let mut sweeps = self.0.sweeps();
        sweeps.retain(|known| known.strong_count() > 0);
        sweeps.push(detector);
    }

    fn sweep(&self, now: Instant) {
        // Not under the lock: what they take back is put down in this set.
        let all: Vec<_> = self.0.sweeps().iter().filter_map(Weak::upgrade).collect();
        for detector in all {
            detector.sweep(now);
        }
    }

    pub(crate) fn set_ejected(&self, id: u64, ejected: bool, now: Instant) {
        let mut members = self.0.lock();
        if members.0.set_ejected(id, ejected, now) {
            self.0.publish(&members.0);
        }
    }
}

impl Shared {
    fn sweeps(&self) -> MutexGuard<'_, Vec<Weak<dyn Sweep>>> {
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, (EndpointSet, Vec<Weak<Self>>)> {
        // A poisoned lock is tolerated: no code under it panics, and the next update replaces the
        // list anyway.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, endpoints: &[Endpoint], now: Instant) {
        let mut members = self.lock();
        if members.0.update(&selected(endpoints, &self.labels), now) {
            self.publish(&members.0);
        }
        // Subsets get the endpoints that were kept, not the equal ones of the new list, and so the
        // same identities.
        let endpoints = members.0.endpoints();
        members.1.retain(|subset| match subset.upgrade() {
            Some(subset) => {
                subset.update(&endpoints, now);
                true
            }
            None => false,
        });
    }

    fn publish(&self, members: &EndpointSet) {
        let snapshot = members.snapshot();
        let version = snapshot.version();
        // Snapshot first, version second: see `Endpoints::version`.
        self.snapshot.store(Arc::new(snapshot));
        self.version.store(version, Ordering::Release);
    }
}

impl Debug for Endpoints {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.snapshot.load().all())
            .finish()
    }
}

fn selected(endpoints: &[Endpoint], labels: &[(Box<str>, Box<str>)]) -> Vec<Endpoint> {
    let has_all = |endpoint: &&Endpoint| {
        let mut labels = labels.iter();
        labels.all(|(name, value)| endpoint.label(name) == Some(value))
    };
    endpoints.iter().filter(has_all).cloned().collect()
}
