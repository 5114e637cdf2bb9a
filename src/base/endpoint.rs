use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::uri::{Authority, InvalidUri};

use super::Outcome;
use super::sync::atomic::{AtomicU32, Ordering};

/// One of the places where a destination can be reached: an address, and what is known of it.
///
/// A clone is the same endpoint and costs an atomic increment. So does a comparison: two endpoints
/// are equal if one is a clone of the other, whatever their addresses.
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
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

/// In this order, for what each choice touches lies beside the count of the clones.
#[repr(C)]
struct Inner {
    in_flight: AtomicU32,
    /// How many detectors have failures of it on their books; see [`Endpoint::is_clean`].
    accused: AtomicU32,
    id: u64,
    address: Authority,
    labels: BTreeMap<Box<str>, Box<str>>,
    weight: AtomicU32,
}

impl Endpoint {
    /// Creates an endpoint at `address`, a host and a port, with no labels and a weight of 1.
    #[must_use]
    pub fn new(address: Authority) -> Self {
        Self::made(address, BTreeMap::new(), 1)
    }

    /// Adds a label, by which [`Endpoints::subset`](super::Endpoints::subset) finds it. The default is
    /// none.
    ///
    /// It is another endpoint than those cloned before.
    #[must_use]
    pub fn with_label(self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        let mut labels = self.0.labels.clone();
        labels.insert(name.into(), value.into());
        Self::made(self.0.address.clone(), labels, self.weight())
    }

    /// Sets its weight: how large its share of the requests is in comparison to the others'. The
    /// default is 1; 0 gets nothing.
    ///
    /// It is another endpoint than those cloned before.
    #[must_use]
    pub fn with_weight(self, weight: u32) -> Self {
        Self::made(self.0.address.clone(), self.0.labels.clone(), weight)
    }

    /// The host and port to connect to.
    #[must_use]
    pub fn address(&self) -> &Authority {
        &self.0.address
    }

    /// A number that stands for it, and for no other endpoint of this process, ever.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// How many requests a balancer has sent to it whose responses have not ended.
    ///
    /// One that has no other endpoint to choose from, and nobody to report to, does not count.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.0.labels.get(name).map(AsRef::as_ref)
    }

    /// The labels with their values, in the order of their names.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.0.labels.iter();
        labels.map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The weight.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.0.weight.load(Ordering::Relaxed)
    }

    fn made(address: Authority, labels: BTreeMap<Box<str>, Box<str>>, weight: u32) -> Self {
        Self(Arc::new(Inner {
            in_flight: AtomicU32::new(0),
            accused: AtomicU32::new(0),
            id: next_id(),
            address,
            labels,
            weight: AtomicU32::new(weight),
        }))
    }
}

impl Endpoint {
    /// Says that it is the same place by the same name: only the weight may differ.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        self.0.address == other.0.address && self.0.labels == other.0.labels
    }

    pub(super) fn set_weight(&self, weight: u32) {
        self.0.weight.store(weight, Ordering::Relaxed);
    }

    /// Counts a request that is sent to it, until it [leaves](Self::leave).
    #[inline]
    pub(crate) fn enter(&self) {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note that a request that was sent to it is over.
    #[inline]
    pub(crate) fn leave(&self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Says that no detector has a failure of it on its books, so that a success changes nothing.
    pub(crate) fn is_clean(&self) -> bool {
        // With `accuse` and `acquit`: whoever has seen a failure counted also sees this.
        self.0.accused.load(Ordering::Acquire) == 0
    }

    /// Takes note that one detector more has failures of it on its books.
    pub(crate) fn accuse(&self) {
        self.0.accused.fetch_add(1, Ordering::Release);
    }

    /// Takes note that one detector less has.
    pub(crate) fn acquit(&self) {
        self.0.accused.fetch_sub(1, Ordering::Release);
    }
}

/// Shown as its address.
impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0.address, f)
    }
}

impl Debug for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id())
            .field("address", &self.0.address)
            .field("labels", &self.0.labels)
            .field("weight", &self.weight())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Endpoint {}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
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
