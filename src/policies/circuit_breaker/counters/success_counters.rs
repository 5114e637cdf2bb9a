//! Where threads count good calls, each for itself.
//!
//! A good and quick call is no reason to open the circuit, whatever came before it, so nothing is
//! decided when it ends; and nobody can tell in which order two of them came. So they are only
//! counted, and summed up when a bad call comes. The sum has all that had ended before that call,
//! and none that begins after it is settled: there is an order of all calls in which it is exact.

use std::sync::{OnceLock, PoisonError};
use std::time::Instant;

use super::counts::SuccessSample;
use crate::foundation::sync::primitives::Mutex;
use crate::foundation::sync::sharded_arc::shard_count;
use crate::policies::circuit_breaker::counters::window::{BucketSchedule, TimeWindow};

/// The good calls that the machine was not told of; takes no memory until there are any to count.
#[derive(Debug, Default)]
pub(in crate::policies::circuit_breaker) struct SuccessCounters(OnceLock<Box<[Shard]>>);

/// What is counted of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::policies::circuit_breaker) enum WindowScope {
    All,
    /// Those of a window over time, whose buckets change like this.
    Lately(BucketSchedule),
}

/// Where some threads count: as a rule one, so that it has the lock, and the line, to itself.
// Two cache lines: processors fetch them in pairs.
#[repr(align(128))]
#[derive(Debug)]
struct Shard(Mutex<ShardCounters>);

#[derive(Clone, Debug)]
struct ShardCounters {
    /// Calls of another epoch came too late.
    epoch: u64,
    window: ShardWindow,
}

#[expect(
    clippy::large_enum_variant,
    reason = "in a box it might share a cache line with what another thread writes"
)]
#[derive(Clone, Debug)]
enum ShardWindow {
    All(u64),
    Lately(TimeWindow<SuccessSample, 10>),
    Nothing,
}

impl SuccessCounters {
    /// Forgets everything, and counts the calls that are let in from `epoch` on.
    pub(in crate::policies::circuit_breaker) fn begin(
        &self,
        epoch: u64,
        scope: Option<WindowScope>,
    ) {
        if scope.is_none() && self.0.get().is_none() {
            return;
        }
        let good = match scope {
            Some(WindowScope::All) => ShardWindow::All(0),
            Some(WindowScope::Lately(beat)) => ShardWindow::Lately(TimeWindow::with_schedule(beat)),
            None => ShardWindow::Nothing,
        };
        let begun = ShardCounters {
            epoch,
            window: good,
        };
        for place in self.0.get_or_init(shards) {
            place.with(|counted| counted.clone_from(&begun));
        }
    }

    /// Counts a call at one of the places, unless it comes too late.
    #[inline]
    pub(in crate::policies::circuit_breaker) fn record(
        &self,
        place: usize,
        epoch: u64,
        micros: u32,
        now: impl FnOnce() -> Instant,
    ) {
        let Some(places) = self.0.get() else { return };
        // There is a power of two of them.
        places[place & (places.len() - 1)].with(|counted| {
            if counted.epoch != epoch {
                return;
            }
            match &mut counted.window {
                ShardWindow::All(calls) => *calls += 1,
                ShardWindow::Lately(window) => window.record(micros, now()),
                ShardWindow::Nothing => {}
            }
        });
    }

    /// Sums up what all threads counted.
    pub(in crate::policies::circuit_breaker) fn total(&self, now: Instant) -> SuccessSample {
        let mut total = SuccessSample::default();
        for place in self.0.get().into_iter().flatten() {
            let good = place.with(|counted| counted.total(now));
            total.calls += good.calls;
            total.latency_micros += good.latency_micros;
        }
        total
    }
}

impl Shard {
    #[inline]
    fn with<T>(&self, f: impl FnOnce(&mut ShardCounters) -> T) -> T {
        // There are no half-made counts, so a poisoned lock still guards good ones.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ShardCounters {
    fn total(&mut self, now: Instant) -> SuccessSample {
        match &mut self.window {
            ShardWindow::All(calls) => SuccessSample {
                calls: *calls,
                latency_micros: 0,
            },
            ShardWindow::Lately(window) => window.total(now),
            ShardWindow::Nothing => SuccessSample::default(),
        }
    }
}

fn shards() -> Box<[Shard]> {
    let nothing = || ShardCounters {
        epoch: 0,
        window: ShardWindow::Nothing,
    };
    let place = |_| Shard(Mutex::new(nothing()));
    let count = if cfg!(meshless_loom) {
        2
    } else {
        shard_count()
    };
    (0..count).map(place).collect()
}
