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
    inner: Arc<Inner>,
    /// Whether it belongs to a request in flight.
    travels: bool,
}

/// In this order, for what each choice touches lies beside the count of all who hold it.
#[repr(C)]
struct Inner {
    /// Who of those that hold it are no requests in flight. The others are: so a request that begins or
    /// ends writes one word, and not a second one to count it.
    kept: std::sync::atomic::AtomicUsize,
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
        let mut labels = self.inner.labels.clone();
        labels.insert(name.into(), value.into());
        Self::made(self.inner.address.clone(), labels, self.weight())
    }

    /// Sets its weight: how large its share of the requests is in comparison to the others'. The
    /// default is 1; 0 gets nothing.
    ///
    /// It is another endpoint than those cloned before.
    #[must_use]
    pub fn with_weight(self, weight: u32) -> Self {
        Self::made(
            self.inner.address.clone(),
            self.inner.labels.clone(),
            weight,
        )
    }

    /// The host and port to connect to.
    #[must_use]
    pub fn address(&self) -> &Authority {
        &self.inner.address
    }

    /// A number that stands for it, and for no other endpoint of this process, ever.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// How many requests a balancer has sent to it whose responses have not ended.
    ///
    /// One that has no other endpoint to choose from, and nobody to report to, does not count.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        u32::try_from(self.travelling()).unwrap_or(u32::MAX)
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.inner.labels.get(name).map(AsRef::as_ref)
    }

    /// The labels with their values, in the order of their names.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.inner.labels.iter();
        labels.map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The weight.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.inner.weight.load(Ordering::Relaxed)
    }

    fn made(address: Authority, labels: BTreeMap<Box<str>, Box<str>>, weight: u32) -> Self {
        // Its letters are counted from the first clone on, which allocates: not with the first request.
        drop(address.clone());
        let inner = Arc::new(Inner {
            kept: 1.into(),
            accused: AtomicU32::new(0),
            id: next_id(),
            address,
            labels,
            weight: AtomicU32::new(weight),
        });
        Self {
            inner,
            travels: false,
        }
    }
}

impl Endpoint {
    /// Says that it is the same place by the same name: only the weight may differ.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        self.inner.address == other.inner.address && self.inner.labels == other.inner.labels
    }

    pub(super) fn set_weight(&self, weight: u32) {
        self.inner.weight.store(weight, Ordering::Relaxed);
    }

    /// Counts a request that is sent to it, until what this returns is dropped.
    #[inline]
    pub(crate) fn travel(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            travels: true,
        }
    }

    /// The requests in flight, as [`in_flight`](Self::in_flight).
    #[inline]
    pub(crate) fn travelling(&self) -> usize {
        // A clone that is made or dropped right now may count as one of them, or hide one.
        let all = Arc::strong_count(&self.inner);
        all.saturating_sub(self.inner.kept.load(Ordering::Relaxed))
    }

    /// Says that no detector has a failure of it on its books, so that a success changes nothing.
    pub(crate) fn is_clean(&self) -> bool {
        // With `accuse` and `acquit`: whoever has seen a failure counted also sees this.
        self.inner.accused.load(Ordering::Acquire) == 0
    }

    /// Takes note that one detector more has failures of it on its books.
    pub(crate) fn accuse(&self) {
        self.inner.accused.fetch_add(1, Ordering::Release);
    }

    /// Takes note that one detector less has.
    pub(crate) fn acquit(&self) {
        self.inner.accused.fetch_sub(1, Ordering::Release);
    }
}

impl Clone for Endpoint {
    fn clone(&self) -> Self {
        let inner = Arc::clone(&self.inner);
        inner.kept.fetch_add(1, Ordering::Relaxed);
        Self {
            inner,
            travels: false,
        }
    }
}

impl Drop for Endpoint {
    #[inline]
    fn drop(&mut self) {
        if !self.travels {
            self.inner.kept.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Shown as its address.
impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.inner.address, f)
    }
}

impl Debug for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id())
            .field("address", &self.inner.address)
            .field("labels", &self.inner.labels)
            .field("weight", &self.weight())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.inner.id == other.inner.id
    }
}

impl Eq for Endpoint {}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.id.hash(state);
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
