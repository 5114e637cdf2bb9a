//! Stacks by origin: a lookup takes no lock, threads that call the same hosts share no cache line that is written, and
//! the number of stacks is bounded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;

use super::origin::{Origin, OriginRef};
use super::origin_pattern::OriginPattern;
use crate::mesh::Outbound;
use crate::mesh::stack::{self, OutboundStack};

/// Changes of the stack for some hosts.
pub(super) type Override = Arc<dyn Fn(Outbound) -> Outbound + Send + Sync>;

/// Stacks of the hosts that were called.
pub(super) struct HostTable {
    /// Number of hosts added so far: the time by which the least recently used one is found.
    added: AtomicU64,
    changing: Mutex<Changing>,
    max: usize,
    overrides: Vec<(OriginPattern, Override)>,
    /// The number of shards is a power of two, for the mask in `shard`.
    shards: Box<[ArcSwapOption<Shard>]>,
}

/// State of additions and changes, which run one at a time.
struct Changing {
    base: Outbound,
    len: usize,
}

/// Few hosts, so that an addition can copy them all.
type Shard = Vec<(u64, Arc<Host>)>;

/// One host, with its stack.
struct Host {
    origin: Origin,
    outbound: Outbound,
    /// To be cloned around the transport: a clone counts in the cache lines of its own thread.
    stack: OutboundStack<()>,
    /// Time of its last use: twice `HostTable::added`, and 1 more for a call after that host was added.
    used: AtomicU64,
}

/// Average number of hosts in a shard of a full table.
const PER_SHARD: usize = 16;
/// Maximum number of shards, whatever the number of hosts is.
const MAX_SHARDS: usize = 4_096;

impl HostTable {
    pub(super) fn new(
        base: Outbound,
        max: usize,
        overrides: Vec<(OriginPattern, Override)>,
    ) -> Self {
        let max = max.max(1);
        let shards = (max / PER_SHARD).clamp(1, MAX_SHARDS).next_power_of_two();
        Self {
            added: AtomicU64::new(0),
            changing: Mutex::new(Changing { base, len: 0 }),
            max,
            overrides,
            shards: (0..shards).map(|_| ArcSwapOption::empty()).collect(),
        }
    }

    /// Returns the stack of an origin, made on the first call.
    #[inline]
    pub(super) fn stack(&self, origin: OriginRef<'_>) -> OutboundStack<()> {
        let hash = origin.hash();
        let shard = self.shard(hash).load();
        let now = 2 * self.added.load(Ordering::Relaxed) + 1;
        match shard.as_deref().and_then(|shard| find(shard, hash, origin)) {
            Some(host) => host.used_at(now),
            None => self.add(hash, origin).stack.clone(),
        }
    }

    /// Adds an origin, unless another thread has just done so.
    #[cold]
    fn add(&self, hash: u64, origin: OriginRef<'_>) -> Arc<Host> {
        let mut changing = self.lock();
        let slot = self.shard(hash);
        let shard = slot.load_full();
        if let Some(host) = shard.as_deref().and_then(|shard| find(shard, hash, origin)) {
            return Arc::clone(host);
        }
        // Dropped after the lock, as are the stacks in it.
        let evicted = (changing.len >= self.max).then(|| self.evict());
        changing.len += usize::from(evicted.is_none());
        let owned = origin.to_origin();
        let outbound = self
            .outbound(&changing.base, &owned)
            .of_one_host(&owned.host);
        let host = Arc::new(Host {
            stack: stack::outbound(outbound.layers(), ()),
            origin: owned,
            outbound,
            used: AtomicU64::new(0),
        });
        // Loaded again: the evicted host may have been in the same shard.
        let mut entries = slot.load().as_deref().cloned().unwrap_or_default();
        entries.push((hash, Arc::clone(&host)));
        slot.store(Some(Arc::new(entries)));
        let now = self.added.fetch_add(1, Ordering::Relaxed) + 1;
        host.used.store(2 * now, Ordering::Relaxed);
        drop(changing);
        drop(evicted);
        host
    }

    /// Removes the host whose last call is the longest ago, one without requests in flight if there is any. The lock
    /// must be held.
    fn evict(&self) -> Option<Arc<Host>> {
        let hosts = self.shards.iter().enumerate().flat_map(|(at, slot)| {
            let shard = slot.load_full();
            let shard = shard.as_deref().cloned().unwrap_or_default();
            shard.into_iter().map(move |(_, host)| (at, host))
        });
        let (at, gone) = hosts
            .min_by_key(|(_, host)| (host.outbound.is_busy(), host.used.load(Ordering::Relaxed)))?;
        let slot = &self.shards[at];
        let mut entries = slot.load().as_deref().cloned().unwrap_or_default();
        entries.retain(|(_, host)| !Arc::ptr_eq(host, &gone));
        slot.store(Some(Arc::new(entries)));
        Some(gone)
    }

    /// Returns the stack by which an origin's own is made.
    fn outbound(&self, base: &Outbound, origin: &Origin) -> Outbound {
        let own = self.overrides.iter();
        let own = own.filter(|(pattern, _)| pattern.matches(origin));
        // A copy, so that a name that a change gives is not that of all hosts.
        let base = base.of_one_host(&origin.host);
        own.fold(base, |outbound, (_, change)| change(outbound))
    }

    /// Replaces the policies of all hosts, and of those to come.
    pub(super) fn reconfigure(&self, base: &Outbound) {
        let hosts = {
            let mut changing = self.lock();
            changing.base = base.clone();
            self.hosts()
        };
        // Without the lock: observers are called.
        for host in hosts {
            let policies = self.outbound(base, &host.origin);
            host.outbound.layers().adopt(policies.layers());
        }
    }

    /// Returns the stacks of all hosts, in the order of their names.
    pub(super) fn all(&self) -> Vec<(String, Outbound)> {
        let mut hosts = self.hosts();
        hosts.sort_by(|one, two| one.origin.cmp(&two.origin));
        let hosts = hosts.iter();
        hosts
            .map(|host| (host.origin.to_string(), host.outbound.clone()))
            .collect()
    }

    /// Returns the stack of the matching host that was called last.
    pub(super) fn find(&self, pattern: &OriginPattern) -> Option<Outbound> {
        let hosts = self.hosts();
        let found = hosts.iter().filter(|host| pattern.matches(&host.origin));
        let last = found.max_by_key(|host| host.used.load(Ordering::Relaxed))?;
        Some(last.outbound.clone())
    }

    pub(super) fn base(&self) -> Outbound {
        self.lock().base.clone()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len
    }

    fn hosts(&self) -> Vec<Arc<Host>> {
        let shards = self.shards.iter().filter_map(ArcSwapOption::load_full);
        shards
            .flat_map(|shard| {
                shard
                    .iter()
                    .map(|(_, host)| Arc::clone(host))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low bits are all that is wanted"
    )]
    fn shard(&self, hash: u64) -> &ArcSwapOption<Shard> {
        &self.shards[hash as usize & (self.shards.len() - 1)]
    }

    fn lock(&self) -> MutexGuard<'_, Changing> {
        // Each change is complete by itself, so a poisoned lock is still usable.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    #[inline]
    fn used_at(&self, now: u64) -> OutboundStack<()> {
        // Written only after another host was added: threads that call the same host would share the cache line.
        if self.used.load(Ordering::Relaxed) < now {
            self.used.store(now, Ordering::Relaxed);
        }
        self.stack.clone()
    }
}

#[inline]
fn find<'a>(shard: &'a Shard, hash: u64, origin: OriginRef<'_>) -> Option<&'a Arc<Host>> {
    let mut same = shard.iter().filter(|(own, _)| *own == hash);
    same.find(|(_, host)| origin.is(&host.origin))
        .map(|(_, host)| host)
}
