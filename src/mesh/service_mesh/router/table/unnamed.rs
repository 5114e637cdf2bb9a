//! Stacks of requested hosts that no document names.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;

use super::stack_table::PortStacks;
use crate::mesh::service_mesh::proxy::memory::MAX_UNNAMED;
use crate::mesh::service_mesh::router::route::virtual_host_stack::VirtualHostStack;

/// Stacks by host: lookups take no lock, and the time of an insertion does not depend on the number of
/// hosts.
pub(in crate::mesh) struct Unnamed<S, B> {
    hasher: RandomState,
    len: AtomicUsize,
    /// The number of shards is a power of two, for the mask in `shard`.
    shards: Box<[ArcSwapOption<Shard<S, B>>]>,
}

/// Few hosts, so that an insertion can copy them all.
pub(in crate::mesh) type Shard<S, B> = Vec<Entry<S, B>>;

pub(in crate::mesh) struct Entry<S, B> {
    hash: u64,
    pub(in crate::mesh) host: Arc<str>,
    pub(in crate::mesh) ports: Arc<PortStacks<S, B>>,
}

/// Entry that an insertion removed, and the replaced shard, both to be dropped by the caller.
pub(in crate::mesh) struct Displaced<S, B> {
    pub(in crate::mesh) entry: Option<Entry<S, B>>,
    _shard: Option<Arc<Shard<S, B>>>,
}

const SHARDS: usize = 64;
/// Four times the average of a full table, because hashes spread unevenly.
const MOST: usize = 4 * MAX_UNNAMED / SHARDS;

impl<S, B> Unnamed<S, B> {
    pub(in crate::mesh) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            len: AtomicUsize::new(0),
            shards: (0..SHARDS).map(|_| ArcSwapOption::empty()).collect(),
        }
    }

    pub(in crate::mesh) fn find(
        &self,
        host: &str,
        port: u16,
    ) -> Option<Arc<VirtualHostStack<S, B>>> {
        let hash = self.hasher.hash_one(host);
        let shard = self.shard(hash).load();
        let mut entries = shard.as_ref()?.iter();
        entries.find(|entry| entry.is(hash, host))?.ports.on(port)
    }

    /// Adds a stack, and removes another host's if the table is full. Callers must not run in parallel.
    pub(in crate::mesh) fn insert(
        &self,
        host: &str,
        port: u16,
        stack: &Arc<VirtualHostStack<S, B>>,
    ) -> Displaced<S, B> {
        let hash = self.hasher.hash_one(host);
        let slot = self.shard(hash);
        let old = slot.load_full();
        let mut entries = old.as_deref().cloned().unwrap_or_default();
        let mut gone = None;
        let known = entries.iter().position(|entry| entry.is(hash, host));
        let ports = if let Some(at) = known {
            entries.swap_remove(at).ports.with(port, stack)
        } else {
            // A full shard gives up an entry, whatever the others hold. Relaxed: callers hold a lock, so `len`
            // has one writer.
            if entries.len() >= MOST {
                gone = Some(entries.swap_remove(0));
            } else if self.len.load(Ordering::Relaxed) >= MAX_UNNAMED {
                gone = entries.pop().or_else(|| self.displace());
            } else {
                self.len.fetch_add(1, Ordering::Relaxed);
            }
            PortStacks::default().with(port, stack)
        };
        entries.push(Entry {
            hash,
            host: host.into(),
            ports: Arc::new(ports),
        });
        // Lookups see the old entries or the new ones, never a half-made list.
        slot.store(Some(Arc::new(entries)));
        Displaced {
            entry: gone,
            _shard: old,
        }
    }

    /// Returns the shards, to be freed one by one.
    pub(in crate::mesh) fn into_shards(self) -> Vec<ArcSwapOption<Shard<S, B>>> {
        self.shards.into_vec()
    }

    /// Removes a host from the first shard that has one.
    fn displace(&self) -> Option<Entry<S, B>> {
        self.shards.iter().find_map(|slot| {
            let mut entries = slot.load().as_deref()?.clone();
            let gone = entries.pop()?;
            slot.store(Some(Arc::new(entries)));
            Some(gone)
        })
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low bits are all that is wanted"
    )]
    fn shard(&self, hash: u64) -> &ArcSwapOption<Shard<S, B>> {
        &self.shards[hash as usize & (SHARDS - 1)]
    }
}

impl<S, B> Clone for Entry<S, B> {
    fn clone(&self) -> Self {
        Self {
            hash: self.hash,
            host: Arc::clone(&self.host),
            ports: Arc::clone(&self.ports),
        }
    }
}

impl<S, B> Entry<S, B> {
    fn is(&self, hash: u64, host: &str) -> bool {
        self.hash == hash && *self.host == *host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_added_in_a_bounded_step_however_many_there_are() {
        let all = Unnamed::<(), ()>::new();
        let stack = Arc::new(VirtualHostStack::empty());
        let mut gone = 0;
        for n in 0..5_000 {
            let host = format!("h{n}.example");
            gone += usize::from(all.insert(&host, 80, &stack).entry.is_some());
            assert!(all.find(&host, 80).is_some(), "{host}");
            assert!(all.find(&host, 81).is_none(), "{host}");
        }
        let lens = all
            .shards
            .iter()
            .map(|shard| shard.load().as_ref().map_or(0, |all| all.len()));
        let lens: Vec<_> = lens.collect();
        assert!(lens.iter().all(|len| *len <= MOST), "{lens:?}");
        let len = lens.iter().sum::<usize>();
        assert!((900..=MAX_UNNAMED).contains(&len), "{len}");
        assert_eq!(len + gone, 5_000);
    }

    #[test]
    fn another_port_of_a_host_is_another_stack_of_the_same_entry() {
        let all = Unnamed::<(), ()>::new();
        let [one, two] = [(); 2].map(|()| Arc::new(VirtualHostStack::empty()));
        assert!(all.insert("h", 80, &one).entry.is_none());
        assert!(all.insert("h", 81, &two).entry.is_none());
        assert!(Arc::ptr_eq(&all.find("h", 80).unwrap(), &one));
        assert!(Arc::ptr_eq(&all.find("h", 81).unwrap(), &two));
        assert_eq!(all.len.load(Ordering::Relaxed), 1);
    }
}
