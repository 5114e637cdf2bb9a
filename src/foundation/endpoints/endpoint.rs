use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
// Not loom's: nothing is decided by these, and each would multiply the interleavings.
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use http::uri::{Authority, InvalidUri};

use crate::foundation::outcome::Outcome;
use crate::foundation::sync::primitives::atomic::{AtomicU32, Ordering};

/// One of the places where a destination can be reached: an address, and what is known of it.
///
/// A clone is the same endpoint and costs two atomic increments. Two endpoints are equal if one is a
/// clone of the other, whatever their addresses.
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
    /// Whether it belongs to a request in flight.
    counts_request: bool,
}

/// Where requests in flight are counted: one for all threads, and one for each that counts its own.
struct InFlightShard {
    core: Arc<Core>,
    /// Who of those that hold this are no requests in flight. The others are: so a request that begins or
    /// ends writes one word, and not a second one to count it.
    kept: AtomicUsize,
}

struct Core {
    /// How many detectors have failures of it on their books; see [`Endpoint::is_clean`].
    dirty_marks: AtomicU32,
    address: Authority,
    id: u64,
    labels: BTreeMap<Box<str>, Box<str>>,
    /// The first is where all threads count together.
    shards: Mutex<Vec<Weak<InFlightShard>>>,
    weight: AtomicU32,
}

impl Endpoint {
    /// Creates an endpoint at `address`, a host and a port, with no labels and a weight of 1.
    #[must_use]
    pub fn new(address: Authority) -> Self {
        Self::from_parts(address, BTreeMap::new(), 1)
    }

    /// Adds a label, by which [`Endpoints::subset`](super::Endpoints::subset) finds it. The default is
    /// none.
    ///
    /// It is another endpoint than those cloned before.
    #[must_use]
    pub fn with_label(self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        let mut labels = self.shard.core.labels.clone();
        labels.insert(name.into(), value.into());
        Self::from_parts(self.address().clone(), labels, self.weight())
    }

    /// Sets its weight: how large its share of the requests is in comparison to the others'. The
    /// default is 1; 0 gets nothing.
    ///
    /// It is another endpoint than those cloned before.
    #[must_use]
    pub fn with_weight(self, weight: u32) -> Self {
        Self::from_parts(
            self.shard.core.address.clone(),
            self.shard.core.labels.clone(),
            weight,
        )
    }

    /// The host and port to connect to.
    #[must_use]
    pub fn address(&self) -> &Authority {
        &self.shard.core.address
    }

    /// A number that stands for it, and for no other endpoint of this process, ever.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.shard.core.id
    }

    /// How many requests a balancer has sent to it whose responses have not ended.
    ///
    /// One that has no other endpoint to choose from, and nobody to report to, does not count.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        let places: Vec<_> = {
            let places = self.shard.core.shards();
            places.iter().filter_map(Weak::upgrade).collect()
        };
        // But for the one that looks.
        let all = places
            .iter()
            .map(|place| place.in_flight().saturating_sub(1));
        u32::try_from(all.sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.shard.core.labels.get(name).map(AsRef::as_ref)
    }

    /// The labels with their values, in the order of their names.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.shard.core.labels.iter();
        labels.map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The weight.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.shard.core.weight.load(Ordering::Relaxed)
    }

    fn from_parts(address: Authority, labels: BTreeMap<Box<str>, Box<str>>, weight: u32) -> Self {
        // Its letters are counted from the first clone on, which allocates: not with the first request.
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

    /// Returns it as it is counted at this place, and keeps that.
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
            shard: place,
            counts_request: false,
        }
    }
}

impl Core {
    fn shards(&self) -> MutexGuard<'_, Vec<Weak<InFlightShard>>> {
        // Nothing panics under the lock.
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlightShard {
    /// How many hold this, but for those who are known to keep it.
    #[inline]
    fn in_flight(self: &Arc<Self>) -> usize {
        // A clone that is made or dropped right now may count as one, or hide one.
        let all = Arc::strong_count(self);
        all.saturating_sub(self.kept.load(Ordering::Relaxed))
    }
}

impl Endpoint {
    /// Says that it is the same place by the same name: only the weight may differ.
    pub(crate) fn is_same_address(&self, other: &Self) -> bool {
        self.shard.core.address == other.shard.core.address
            && self.shard.core.labels == other.shard.core.labels
    }

    pub(crate) fn set_weight(&self, weight: u32) {
        self.shard.core.weight.store(weight, Ordering::Relaxed);
    }

    /// Counts a request that is sent to it, until what this returns is dropped.
    #[inline]
    pub(crate) fn start_request(&self) -> Self {
        Self {
            shard: Arc::clone(&self.shard),
            counts_request: true,
        }
    }

    /// The requests in flight that are counted where this one counts.
    #[inline]
    pub(crate) fn in_flight_here(&self) -> usize {
        self.shard.in_flight()
    }

    /// Returns the same endpoint, but for where its requests are counted: not with those of other places,
    /// so that threads which need not compare write nothing that others write.
    pub(crate) fn at_shard(&self, place: usize) -> Self {
        Self::at(&self.shard.core, place)
    }

    /// Says that no detector has a failure of it on its books, so that a success changes nothing.
    pub(crate) fn is_clean(&self) -> bool {
        // With `mark_dirty` and `mark_clean`: whoever has seen a failure counted also sees this.
        self.shard.core.dirty_marks.load(Ordering::Acquire) == 0
    }

    /// Takes note that one detector more has failures of it on its books.
    pub(crate) fn mark_dirty(&self) {
        self.shard.core.dirty_marks.fetch_add(1, Ordering::Release);
    }

    /// Takes note that one detector less has.
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

/// Shown as its address.
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

/// Hears how the attempts at endpoints turned out; called outside every lock and from `Drop`, so it
/// must not panic.
pub trait EndpointObserver: Debug + Send + Sync + 'static {
    /// Takes note of how an attempt at `endpoint` turned out, as soon as that is known; and once more
    /// if its response then breaks off.
    fn report(&self, endpoint: &Endpoint, outcome: Outcome);

    /// Takes ejected endpoints back whose time is over; called before a choice while any is out, with the time on tokio's clock.
    fn sweep(&self, _now: Instant) {}
}

fn next_id() -> u64 {
    // Not loom's: it cannot be made in a constant, and nothing is decided by the order.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
