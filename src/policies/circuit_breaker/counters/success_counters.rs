//! Per-thread counters of successes.
//!
//! A successful, quick call never opens the circuit, whatever came before it. So nothing is decided
//! when it ends, and the order of two such calls cannot be observed. They are only counted, and
//! summed up when a failed or slow call ends. The sum includes every call that ended before that
//! one and none that begins after it is settled: it is exact for a valid order of all calls.

use std::sync::{OnceLock, PoisonError};
use std::time::Instant;

use super::counts::SuccessSample;
use crate::foundation::sync::Sharded;
use crate::foundation::sync::primitives::Mutex;
use crate::policies::circuit_breaker::counters::window::{BucketSchedule, TimeWindow};

/// The successes that bypassed the machine; allocated when the first window needs them.
#[derive(Debug, Default)]
pub(in crate::policies::circuit_breaker) struct SuccessCounters(OnceLock<Sharded<Shard>>);

/// The calls that are counted.
#[derive(Clone, Copy, Debug)]
pub(in crate::policies::circuit_breaker) enum WindowScope {
    All,
    /// The calls of a time window with these buckets.
    Lately(BucketSchedule),
}

/// The counters of some threads, usually of one, which then shares neither lock nor cache line.
#[derive(Debug)]
struct Shard(Mutex<ShardCounters>);

#[derive(Clone, Debug)]
struct ShardCounters {
    /// Epoch of the counted calls; calls of another epoch are not counted.
    epoch: u64,
    window: ShardWindow,
}

#[expect(
    clippy::large_enum_variant,
    reason = "a boxed window might share a cache line with another thread's"
)]
#[derive(Clone, Debug)]
enum ShardWindow {
    All(u64),
    Lately(TimeWindow<SuccessSample, 10>),
    Nothing,
}

impl SuccessCounters {
    /// Resets the counters, which then count the calls admitted in `epoch`.
    pub(in crate::policies::circuit_breaker) fn begin(
        &self,
        epoch: u64,
        scope: Option<WindowScope>,
    ) {
        if scope.is_none() && self.0.get().is_none() {
            return;
        }
        let window = match scope {
            Some(WindowScope::All) => ShardWindow::All(0),
            Some(WindowScope::Lately(beat)) => ShardWindow::Lately(TimeWindow::with_schedule(beat)),
            None => ShardWindow::Nothing,
        };
        let begun = ShardCounters { epoch, window };
        for place in self.0.get_or_init(shards).iter() {
            place.with(|counted| counted.clone_from(&begun));
        }
    }

    /// Counts a call in the shard of index `place`, unless it belongs to another epoch.
    #[inline]
    pub(in crate::policies::circuit_breaker) fn record(
        &self,
        place: usize,
        epoch: u64,
        micros: u32,
        now: impl FnOnce() -> Instant,
    ) {
        let Some(shards) = self.0.get() else { return };
        shards.of_thread(place).with(|counted| {
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

    /// Returns the sum over all shards.
    pub(in crate::policies::circuit_breaker) fn total(&self, now: Instant) -> SuccessSample {
        let mut total = SuccessSample::default();
        for place in self.0.get().into_iter().flat_map(Sharded::iter) {
            let successes = place.with(|counted| counted.total(now));
            total.calls += successes.calls;
            total.latency_micros += successes.latency_micros;
        }
        total
    }
}

impl Shard {
    #[inline]
    fn with<T>(&self, f: impl FnOnce(&mut ShardCounters) -> T) -> T {
        // A panic cannot leave counts half changed, so a poisoned lock guards valid ones.
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

fn shards() -> Sharded<Shard> {
    Sharded::per_thread(|| {
        Shard(Mutex::new(ShardCounters {
            epoch: 0,
            window: ShardWindow::Nothing,
        }))
    })
}
