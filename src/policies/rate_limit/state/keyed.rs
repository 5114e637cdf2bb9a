//! A bounded map from hashed keys to small states that are worthless once they are idle.
//!
//! A key may be stored in two sets of a few slots each. The slot of an idle entry is free without a
//! sweep. If all are taken, the table grows up to its bound; after that the least valuable entry is
//! evicted. So a flood of keys seen once cannot evict one that is being limited.

use std::mem;
use std::sync::{Mutex, PoisonError};

use crate::foundation::sync::primitives::atomic::{AtomicU64, Ordering};
use crate::foundation::sync::rng::mix;

/// Slots in a set: two cache lines of 16-byte slots. With two sets to choose from, a table is over
/// four fifths full before one entry in a thousand is evicted.
const WAYS: usize = 8;
// So many locks that two threads rarely meet at one.
const SHARDS: usize = 64;

/// A map of at most `max` states, each under the 64-bit hash of its key.
#[derive(Debug)]
pub(crate) struct KeyedStateStore<V> {
    evicted: AtomicU64,
    max_sets: usize,
    shards: Box<[Shard<V>]>,
    ways: usize,
}

/// Aligned to a cache line, so that neighbours do not contend.
#[derive(Debug)]
#[repr(align(64))]
struct Shard<V>(Mutex<Table<V>>);

#[derive(Debug, Default)]
struct Table<V> {
    sets: usize,
    slots: Vec<Slot<V>>,
}

#[derive(Clone, Debug, Default)]
struct Slot<V> {
    /// The key's hash; 0 marks a slot that was never used.
    tag: u64,
    value: V,
}

impl<V: Clone + Default> KeyedStateStore<V> {
    /// Creates a store of at most `max` states, at least 1. Memory is allocated as it fills.
    pub(crate) fn new(max: usize) -> Self {
        let max = max.max(1);
        let ways = max.min(WAYS);
        let shards = (max / (WAYS * WAYS)).clamp(1, SHARDS);
        // Rounded down to a power of two, so that the upper bits of a hash select a shard.
        let shards = 1 << shards.ilog2();
        let table = || Shard(Mutex::new(Table::default()));
        Self {
            evicted: AtomicU64::new(0),
            max_sets: max / shards / ways,
            shards: std::iter::repeat_with(table).take(shards).collect(),
            ways,
        }
    }

    /// Runs `f` on the state under `hash`, which is created if absent.
    ///
    /// `worth` returns the value of a state, for evictions; a state of value 0 may be dropped at
    /// any time.
    pub(crate) fn with<T>(
        &self,
        hash: u64,
        worth: impl Fn(&V) -> u64,
        f: impl FnOnce(&mut V) -> T,
    ) -> T {
        // 0 marks unused slots.
        let tag = hash.max(1);
        let mut table = self.shard(tag);
        let index = table.find(tag, self.ways).unwrap_or_else(|| {
            let (index, evicted) = table.claim(tag, self.ways, self.max_sets, &worth);
            if evicted > 0 {
                self.evicted.fetch_add(evicted, Ordering::Relaxed);
            }
            index
        });
        f(&mut table.slots[index].value)
    }

    /// Runs `f` on the state under `hash`, if it exists.
    pub(crate) fn peek<T>(&self, hash: u64, f: impl FnOnce(&mut V) -> T) -> Option<T> {
        let tag = hash.max(1);
        let mut table = self.shard(tag);
        let index = table.find(tag, self.ways)?;
        Some(f(&mut table.slots[index].value))
    }

    /// Runs `f` on every state, one shard after the other.
    pub(crate) fn for_each(&self, mut f: impl FnMut(u64, &mut V)) {
        for shard in &self.shards {
            let mut table = shard.0.lock().unwrap_or_else(PoisonError::into_inner);
            for slot in table.slots.iter_mut().filter(|slot| slot.tag != 0) {
                f(slot.tag, &mut slot.value);
            }
        }
    }

    /// Returns the number of states evicted before they were idle.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    fn shard(&self, tag: u64) -> std::sync::MutexGuard<'_, Table<V>> {
        // The upper bits, since the lower ones select the set. The number of shards is a power of
        // two.
        let index = usize::try_from(tag >> 58).unwrap_or(0) & (self.shards.len() - 1);
        let shard = &self.shards[index].0;
        // A panic cannot leave a state half changed, so a poisoned lock guards a valid one.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone + Default> Table<V> {
    fn find(&self, tag: u64, ways: usize) -> Option<usize> {
        if self.sets == 0 {
            return None;
        }
        self.homes(tag, ways).into_iter().find_map(|home| {
            let set = &self.slots[home..home + ways];
            Some(home + set.iter().position(|slot| slot.tag == tag)?)
        })
    }

    /// Frees a slot for `tag`; returns it, and the number of valuable states that were evicted.
    fn claim(
        &mut self,
        tag: u64,
        ways: usize,
        max_sets: usize,
        worth: &impl Fn(&V) -> u64,
    ) -> (usize, u64) {
        let mut evicted = 0;
        loop {
            let victim = (self.sets > 0).then(|| self.least_worth(tag, ways, worth));
            match victim {
                Some((index, lost)) if lost == 0 || self.sets >= max_sets => {
                    let value = V::default();
                    self.slots[index] = Slot { tag, value };
                    return (index, evicted + u64::from(lost > 0));
                }
                _ => evicted += self.grow(ways, max_sets, worth),
            }
        }
    }

    /// Returns the slot to use next, and the value of its state.
    fn least_worth(&self, tag: u64, ways: usize, worth: &impl Fn(&V) -> u64) -> (usize, u64) {
        let homes = self.homes(tag, ways);
        let mut best = (homes[0], u64::MAX, 0);
        for home in homes {
            let worths = (home..home + ways).map(|index| (index, self.worth(index, worth)));
            let (index, lost) = worths.min_by_key(|(_, lost)| *lost).unwrap_or((home, 0));
            let free = (home..home + ways)
                .filter(|index| self.worth(*index, worth) == 0)
                .count();
            // Prefer the emptier set, or else the less valuable entry.
            if free > best.2 || (free == best.2 && lost < best.1) {
                best = (index, lost, free);
            }
        }
        (best.0, best.1)
    }

    fn worth(&self, index: usize, worth: &impl Fn(&V) -> u64) -> u64 {
        match &self.slots[index] {
            Slot { tag: 0, .. } => 0,
            Slot { value, .. } => worth(value),
        }
    }

    /// Doubles the table; returns the number of states evicted on the way, nearly always 0.
    fn grow(&mut self, ways: usize, max_sets: usize, worth: &impl Fn(&V) -> u64) -> u64 {
        // The bound, halved repeatedly, so that the last step to it doubles as well.
        let mut sets = max_sets;
        while sets > 1 && sets.div_ceil(2) > self.sets {
            sets = sets.div_ceil(2);
        }
        let slots = vec![Slot::default(); sets * ways];
        let old = mem::replace(self, Self { sets, slots });
        let mut evicted = 0;
        for slot in old.slots {
            // Idle states are dropped instead of moved.
            if slot.tag != 0 && worth(&slot.value) > 0 {
                let (index, lost) = self.least_worth(slot.tag, ways, worth);
                evicted += u64::from(lost > 0);
                self.slots[index] = slot;
            }
        }
        evicted
    }

    /// Returns the first slots of the two sets of `tag`.
    fn homes(&self, tag: u64, ways: usize) -> [usize; 2] {
        [self.home(tag, ways), self.home(mix(tag), ways)]
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lower half of a hash, and an upper half below the number of sets"
    )]
    const fn home(&self, hash: u64, ways: usize) -> usize {
        // Multiply and shift: works for any number of sets, and doubling it splits each set.
        let set = ((hash as u32 as u64) * self.sets as u64) >> 32;
        set as usize * ways
    }
}

#[cfg(test)]
mod tests;
