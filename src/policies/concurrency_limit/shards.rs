//! The permits of a limit, in one shard or several.

use super::machine::{Bounds, Occupancy};
use super::permits::{Entered, Permits};
use crate::foundation::outcome::Overflow;
use crate::foundation::sync::Sharded;

/// One shard is exact. Several have parts of the limit that add up to it: a thread whose own shard
/// is exhausted takes a permit from another, so the limit is never exceeded.
#[derive(Debug)]
pub(super) struct Shards(Sharded<Permits>);

impl Shards {
    /// Creates this many shards; 0 means 1.
    pub(super) fn new(bounds: Bounds, count: u16) -> Self {
        let count = count.max(1);
        let shard = |number| Permits::new(bounds.part(narrow(number), count));
        Self(Sharded::new(count.into(), shard))
    }

    /// Returns the shard of this number, which must come from [`enter`](Self::enter) or
    /// [`try_enter`](Self::try_enter).
    #[inline]
    pub(super) fn get(&self, shard: u16) -> &Permits {
        self.0.get(shard.into())
    }

    /// Acquires a permit, or an entry in the queue if there is one; `home` returns the shard to try
    /// first.
    #[inline]
    pub(super) fn enter(&self, home: impl FnOnce() -> usize) -> (u16, Entered) {
        match self.0.only() {
            Some(one) => (0, one.enter()),
            None => match self.try_enter(home) {
                Ok(shard) => (shard, Entered::Admitted),
                Err(overflow) => (0, Entered::Rejected(overflow)),
            },
        }
    }

    /// Acquires a permit from the first shard that has one, without waiting.
    pub(super) fn try_enter(&self, home: impl FnOnce() -> usize) -> Result<u16, Overflow> {
        if let Some(one) = self.0.only() {
            return one.try_enter().map(|()| 0);
        }
        // The thread's own shard first, where it meets no other thread.
        let mut in_turn = self.0.beginning_at(home());
        let found = in_turn.find(|(_, shard)| shard.try_enter().is_ok());
        found.map_or_else(|| Err(self.full()), |(number, _)| Ok(narrow(number)))
    }

    /// Replaces the bounds, runs `with` under the first shard's lock, and admits the waiters for
    /// which there is room now.
    pub(super) fn set_bounds(&self, bounds: Bounds, with: impl FnOnce()) {
        let mut with = Some(with);
        let count = narrow(self.0.len());
        for (number, shard) in self.0.iter().enumerate() {
            let part = bounds.part(narrow(number), count);
            shard.set_bounds(part, || with.take().into_iter().for_each(|with| with()));
        }
    }

    /// Returns the sum over all shards; under concurrent requests each is read at a different
    /// moment.
    pub(super) fn load(&self) -> Occupancy {
        let all = self.0.iter().map(Permits::load);
        all.fold(Occupancy::default(), Occupancy::and)
    }

    fn full(&self) -> Overflow {
        let all = self.0.iter().map(Permits::limit);
        Overflow::InFlight(all.fold(0, u32::saturating_add))
    }
}

/// Returns the number of a shard; there are at most `u16::MAX`.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "created from a number of 16 bits"
)]
const fn narrow(number: usize) -> u16 {
    number as u16
}

#[cfg(all(test, not(meshless_loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Arrive(usize),
        Leave(usize),
        Limit(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            5 => (0_usize..9).prop_map(Step::Arrive),
            4 => (0_usize..99).prop_map(Step::Leave),
            1 => (1_u32..20).prop_map(Step::Limit),
        ];
        prop::collection::vec(step, 0..300)
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_limit(limit: u32, count in 1_u16..99) {
            let shards = Shards::new(Bounds::new(limit, 5), count);
            let whole = if limit == 0 { u32::MAX } else { limit };
            prop_assert_eq!(shards.full(), Overflow::InFlight(whole));
        }

        /// Sequentially, a sharded limit is as exact as one without shards.
        #[test]
        fn never_more_are_out_than_may_be_and_none_is_refused_while_one_is_left(
            steps in steps(), count in 1_u16..6,
        ) {
            let mut limit = 7;
            let shards = Shards::new(Bounds::new(limit, 0), count);
            let mut out = Vec::new();
            for step in steps {
                match step {
                    Step::Arrive(thread) => {
                        let some_left = (0..count).any(|n| {
                            let shard = shards.get(n);
                            shard.load().in_flight < shard.limit()
                        });
                        let before = out.len();
                        match shards.try_enter(|| thread) {
                            Ok(shard) => out.push(shard),
                            Err(full) => prop_assert_eq!(full, Overflow::InFlight(limit)),
                        }
                        prop_assert_eq!(out.len() > before, some_left);
                    }
                    Step::Leave(which) if !out.is_empty() => {
                        let shard = out.swap_remove(which % out.len());
                        shards.get(shard).release();
                    }
                    Step::Leave(_) => {}
                    Step::Limit(next) => {
                        limit = next;
                        shards.set_bounds(Bounds::new(limit, 0), || {});
                    }
                }
                let occupancy = usize::try_from(shards.load().in_flight).unwrap();
                prop_assert_eq!(occupancy, out.len());
            }
        }
    }
}

#[cfg(all(test, meshless_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn loom_two_threads_never_take_more_than_there_is_and_lose_none() {
        loom::model(|| {
            let shards = Arc::new(Shards::new(Bounds::new(2, 0), 2));
            let other = {
                let shards = Arc::clone(&shards);
                thread::spawn(move || {
                    let taken = [0, 1].map(|_| shards.try_enter(|| 1).ok());
                    for shard in taken.into_iter().flatten() {
                        shards.get(shard).release();
                    }
                })
            };
            let first = shards.try_enter(|| 0).ok();
            assert!(shards.load().in_flight <= 2);
            if let Some(shard) = first {
                shards.get(shard).release();
            }
            other.join().unwrap();
            assert_eq!(shards.load(), Occupancy::default());
            let all = [0, 0, 0].map(|home| shards.try_enter(|| home).is_ok());
            assert_eq!(all, [true, true, false]);
        });
    }
}
