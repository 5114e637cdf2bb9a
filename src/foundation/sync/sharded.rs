use super::sharded_arc::shard_count;

/// Values of the same kind, one for each of several shards, so that threads do not write to each other's cache
/// lines.
///
/// Per-thread counters are summed up when they are read; a sharded limit has a part of it in each shard.
#[derive(Debug)]
pub(crate) struct Sharded<T>(Box<[Shard<T>]>);

// Two cache lines: processors fetch them in pairs.
#[repr(align(128))]
#[derive(Debug)]
struct Shard<T>(T);

impl<T> Sharded<T> {
    /// Creates `count` shards; `make` gets the number of each.
    pub(crate) fn new(count: usize, mut make: impl FnMut(usize) -> T) -> Self {
        Self((0..count).map(|number| Shard(make(number))).collect())
    }

    /// Creates a shard for each thread that can run at the same time, up to the next power of two.
    pub(crate) fn per_thread(mut make: impl FnMut() -> T) -> Self {
        // Two shards keep the number of interleavings small.
        let count = if cfg!(meshless_loom) {
            2
        } else {
            shard_count()
        };
        Self::new(count, |_| make())
    }

    /// Returns the shard of the thread of this [number](super::sharded_arc::current_shard); the number of shards is
    /// a power of two, and not 0.
    #[inline]
    pub(crate) fn of_thread(&self, thread: usize) -> &T {
        &self.0[thread & (self.0.len() - 1)].0
    }

    /// Returns the only shard, unless there are several.
    #[inline]
    pub(crate) const fn only(&self) -> Option<&T> {
        match &*self.0 {
            [Shard(only)] => Some(only),
            _ => None,
        }
    }

    /// Returns the shard `number`, below [`len`](Self::len).
    #[inline]
    pub(crate) fn get(&self, number: usize) -> &T {
        &self.0[number].0
    }

    /// Returns all shards with their numbers, that of the thread of number `home` first.
    #[inline]
    pub(crate) fn beginning_at(&self, home: usize) -> impl Iterator<Item = (usize, &T)> {
        let count = self.0.len();
        let home = home % count.max(1);
        let numbers = (home..count).chain(0..home);
        numbers.map(|number| (number, self.get(number)))
    }

    /// Returns all shards.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &T> {
        self.0.iter().map(|shard| &shard.0)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }
}

/// No shards.
impl<T> Default for Sharded<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

#[cfg(all(test, not(meshless_loom)))]
mod tests {
    use super::*;

    #[test]
    fn shards_lie_two_cache_lines_apart_and_a_thread_always_finds_its_own() {
        let shards = Sharded::new(4, |number| number);
        assert_eq!(align_of::<Shard<u8>>(), 128);
        assert_eq!(
            [0, 3, 4, 9].map(|thread| *shards.of_thread(thread)),
            [0, 3, 0, 1]
        );
        assert_eq!(Sharded::per_thread(|| ()).len(), shard_count());
    }

    #[test]
    fn a_search_begins_at_home_and_visits_each_shard_once() {
        let visited = |count, home| {
            let shards = Sharded::new(count, |number| number);
            let visited = shards.beginning_at(home);
            visited
                .map(|(number, shard)| {
                    assert_eq!(number, *shard);
                    number
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(visited(3, 4), [1, 2, 0]);
        assert!(visited(0, 4).is_empty());
        assert_eq!(Sharded::new(1, |number| number).only(), Some(&0));
        assert_eq!(Sharded::new(2, |number| number).only(), None);
    }
}
