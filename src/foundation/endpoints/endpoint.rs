use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
// Not loom's: no decision depends on these counters, and each would multiply the interleavings.
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use http::uri::{Authority, InvalidUri};

use crate::foundation::outcome::Outcome;
use crate::foundation::sync::primitives::atomic::{AtomicU32, Ordering};

/// One endpoint of a cluster: an address with labels and a weight.
///
/// A clone is the same endpoint and costs two atomic increments. Two endpoints are equal if one is
/// a clone of the other, whatever their addresses.
///
/// ```
/// use meshless::Endpoint;
///
/// # fn main() -> Result<(), http::uri::InvalidUri> {
/// let endpoint = Endpoint::try_from("10.0.0.7:8000")?
///     .with_label("version", "v2")
///     .with_weight(3);
/// assert_eq!(endpoint.in_flight(), 0);
/// # Ok(())
/// # }
/// ```
pub struct Endpoint {
    shard: Arc<InFlightShard>,
    /// True if this reference counts as a request in flight.
    counts_request: bool,
}

/// Counter of requests in flight: one shared by all threads, and one for each balancer shard with
/// its own.
struct InFlightShard {
    core: Arc<Core>,
    /// Number of references that are not requests in flight. All other strong references are: so a
    /// request writes one word, the reference count, and no second counter.
    kept: AtomicUsize,
}

struct Core {
    /// Number of outlier detectors that have recorded failures of this endpoint; see
    /// [`Endpoint::is_clean`].
    dirty_marks: AtomicU32,
    address: Authority,
    id: u64,
    labels: BTreeMap<Box<str>, Box<str>>,
    /// The counters; the first one is shared by all threads.
    shards: Mutex<Vec<Weak<InFlightShard>>>,
    weight: AtomicU32,
}

impl Endpoint {
    /// Creates an endpoint at `address`, a host and a port, without labels and with weight 1.
    #[must_use]
    pub fn new(address: Authority) -> Self {
        Self::from_parts(address, BTreeMap::new(), 1)
    }

    /// Adds a label, which [`Endpoints::subset`](super::Endpoints::subset) selects by. The default
    /// is none.
    ///
    /// The result is a new endpoint, not equal to earlier clones.
    #[must_use]
    pub fn with_label(self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        let mut labels = self.shard.core.labels.clone();
        labels.insert(name.into(), value.into());
        Self::from_parts(self.address().clone(), labels, self.weight())
    }

    /// Sets the weight: the endpoint's share of the requests relative to the weights of the others.
    /// The default is 1; an endpoint with weight 0 receives no requests.
    ///
    /// The result is a new endpoint, not equal to earlier clones.
    #[must_use]
    pub fn with_weight(self, weight: u32) -> Self {
        Self::from_parts(
            self.shard.core.address.clone(),
            self.shard.core.labels.clone(),
            weight,
        )
    }

    /// Returns the host and port to connect to.
    #[must_use]
    pub fn address(&self) -> &Authority {
        &self.shard.core.address
    }

    /// Returns the endpoint's id, unique in this process for its whole lifetime.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.shard.core.id
    }

    /// Returns the number of requests in flight, from the balancer's choice to the end of the
    /// response.
    ///
    /// Requests are not counted where the balancer has no other endpoint to choose and no observer.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        let places: Vec<_> = {
            let places = self.shard.core.shards();
            places.iter().filter_map(Weak::upgrade).collect()
        };
        // Minus the reference that `upgrade` has just created.
        let all = places
            .iter()
            .map(|place| place.in_flight().saturating_sub(1));
        u32::try_from(all.sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// Returns the value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.shard.core.labels.get(name).map(AsRef::as_ref)
    }

    /// Returns the labels with their values, in the order of their names.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.shard.core.labels.iter();
        labels.map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Returns the weight.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.shard.core.weight.load(Ordering::Relaxed)
    }

    fn from_parts(address: Authority, labels: BTreeMap<Box<str>, Box<str>>, weight: u32) -> Self {
        // The first clone of an authority allocates its reference count: here, and not in the first
        // request.
        drop(address.clone());
        let core = Arc::new(Core {
            dirty_marks: AtomicU32::new(0),
            address,
            id: next_id(),
            labels,
            shards: Mutex::default(),
            weight: AtomicU32::new(weight),
        });
        Self::at(&core, 0)
    }

    /// Returns a reference that counts at this shard, which is created if it is absent.
    fn at(core: &Arc<Core>, index: usize) -> Self {
        let mut places = core.shards();
        if places.len() <= index {
            places.resize_with(index + 1, Weak::new);
        }
        let place = places[index].upgrade().unwrap_or_else(|| {
            let core = Arc::clone(core);
            let place = Arc::new(InFlightShard {
                core,
                kept: AtomicUsize::new(0),
            });
            places[index] = Arc::downgrade(&place);
            place
        });
        place.kept.fetch_add(1, Ordering::Relaxed);
        Self {
            // The new reference was counted as kept above, so it is no request.
            shard: place,
            counts_request: false,
        }
    }
}

impl Core {
    fn shards(&self) -> MutexGuard<'_, Vec<Weak<InFlightShard>>> {
        // A poisoned lock is harmless: the list is changed in single steps, none of which can panic
        // halfway.
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlightShard {
    /// Returns the number of requests: all strong references but those known not to be requests.
    #[inline]
    fn in_flight(self: &Arc<Self>) -> usize {
        // Relaxed: a reference created or dropped concurrently may be counted or missed once, which
        // the balancer's comparison of loads tolerates.
        let all = Arc::strong_count(self);
        all.saturating_sub(self.kept.load(Ordering::Relaxed))
    }
}

impl Endpoint {
    /// True if both have the same address and labels: only the weight may differ.
    pub(crate) fn is_same_address(&self, other: &Self) -> bool {
        self.shard.core.address == other.shard.core.address
            && self.shard.core.labels == other.shard.core.labels
    }

    pub(crate) fn set_weight(&self, weight: u32) {
        self.shard.core.weight.store(weight, Ordering::Relaxed);
    }

    /// Counts a request to this endpoint until the returned reference is dropped.
    #[inline]
    pub(crate) fn start_request(&self) -> Self {
        Self {
            shard: Arc::clone(&self.shard),
            counts_request: true,
        }
    }

    /// Returns the requests in flight that this reference's shard counts.
    #[inline]
    pub(crate) fn in_flight_here(&self) -> usize {
        self.shard.in_flight()
    }

    /// Returns the same endpoint with its requests counted at another shard, so that threads that
    /// do not compare loads do not write to each other's cache lines.
    pub(crate) fn at_shard(&self, place: usize) -> Self {
        Self::at(&self.shard.core, place)
    }

    /// True if no outlier detector has recorded a failure of this endpoint, so that a success
    /// changes nothing.
    pub(crate) fn is_clean(&self) -> bool {
        // Acquire pairs with the Release in `mark_dirty`: a thread that has seen a recorded failure
        // also sees the mark.
        self.shard.core.dirty_marks.load(Ordering::Acquire) == 0
    }

    /// Records that one more outlier detector has failures of this endpoint.
    pub(crate) fn mark_dirty(&self) {
        self.shard.core.dirty_marks.fetch_add(1, Ordering::Release);
    }

    /// Records that one outlier detector has no failures of this endpoint any more.
    pub(crate) fn mark_clean(&self) {
        self.shard.core.dirty_marks.fetch_sub(1, Ordering::Release);
    }
}

impl Clone for Endpoint {
    fn clone(&self) -> Self {
        let place = Arc::clone(&self.shard);
        place.kept.fetch_add(1, Ordering::Relaxed);
        Self {
            shard: place,
            counts_request: false,
        }
    }
}

impl Drop for Endpoint {
    #[inline]
    fn drop(&mut self) {
        if !self.counts_request {
            self.shard.kept.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Formats the address.
impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.shard.core.address, f)
    }
}

impl Debug for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id())
            .field("address", &self.shard.core.address)
            .field("labels", &self.shard.core.labels)
            .field("weight", &self.weight())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.shard.core.id == other.shard.core.id
    }
}

impl Eq for Endpoint {}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shard.core.id.hash(state);
    }
}

impl From<Authority> for Endpoint {
    fn from(address: Authority) -> Self {
        Self::new(address)
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        let address = Authority::try_from(address.to_string());
        Self::new(address.expect("an address and a port make an authority"))
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = InvalidUri;

    fn try_from(address: &str) -> Result<Self, InvalidUri> {
        Authority::try_from(address).map(Self::new)
    }
}

/// Observes the outcomes of attempts at endpoints.
///
/// Called outside every lock and from `Drop`, so an implementation must not panic.
pub trait EndpointObserver: Debug + Send + Sync + 'static {
    /// Records the outcome of an attempt at `endpoint` as soon as it is known, and a second time if
    /// its response then breaks off.
    fn report(&self, endpoint: &Endpoint, outcome: Outcome);

    /// Unejects endpoints whose ejection time is over; called with tokio's time before each choice
    /// while an endpoint is ejected.
    fn sweep(&self, _now: Instant) {}
}

fn next_id() -> u64 {
    // Not loom's: its atomics cannot be created in a constant, and no decision depends on this
    // order.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
