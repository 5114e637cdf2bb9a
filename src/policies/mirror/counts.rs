use std::sync::Arc;
use std::thread;

use super::{MirrorDrops, MirrorStats};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::outcome::{Failure, MirrorDropReason};
use crate::foundation::sync::primitives::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Counters that the layer and its copies share.
#[derive(Debug)]
pub(super) struct Counts {
    buffered: AtomicUsize,
    chosen: AtomicU64,
    drops: Drops,
    failed: AtomicU64,
    in_flight: AtomicU32,
    mirrored: AtomicU64,
    emitter: Emitter,
}

#[derive(Debug, Default)]
struct Drops {
    abandoned: AtomicU64,
    buffer_full: AtomicU64,
    in_flight: AtomicU64,
    lagging: AtomicU64,
    no_runtime: AtomicU64,
    refused: AtomicU64,
    stopped: AtomicU64,
    timed_out: AtomicU64,
}

impl Counts {
    pub(super) fn new(emitter: Emitter) -> Self {
        Self {
            buffered: AtomicUsize::new(0),
            chosen: AtomicU64::new(0),
            drops: Drops::default(),
            failed: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            mirrored: AtomicU64::new(0),
            emitter,
        }
    }

    pub(super) const fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    /// Counts a request that was chosen to be copied.
    pub(super) fn chosen(&self) {
        // Relaxed, here and below: each counter stands alone and publishes no other memory.
        self.chosen.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, reason: MirrorDropReason) {
        self.drops.of(reason).fetch_add(1, Ordering::Relaxed);
        self.emitter.emit(&EventKind::MirrorDropped(reason));
    }

    /// Replaces the number of buffered bytes by the result of `update`, unless that is an error.
    pub(super) fn buffer(
        &self,
        update: impl Fn(usize) -> Result<usize, MirrorDropReason>,
    ) -> Result<(), MirrorDropReason> {
        let mut held = self.buffered.load(Ordering::Relaxed);
        loop {
            let next = update(held)?;
            let relaxed = Ordering::Relaxed;
            match (self.buffered).compare_exchange_weak(held, next, relaxed, relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => held = now,
            }
        }
    }

    pub(super) fn unbuffer(&self, len: usize) {
        self.buffered.fetch_sub(len, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> MirrorStats {
        MirrorStats {
            buffered: self.buffered.load(Ordering::Relaxed),
            chosen: self.chosen.load(Ordering::Relaxed),
            dropped: self.drops.read(),
            failed: self.failed.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            mirrored: self.mirrored.load(Ordering::Relaxed),
        }
    }
}

impl Drops {
    const fn of(&self, reason: MirrorDropReason) -> &AtomicU64 {
        match reason {
            MirrorDropReason::Abandoned => &self.abandoned,
            MirrorDropReason::BufferFull(_) => &self.buffer_full,
            MirrorDropReason::InFlight(_) => &self.in_flight,
            MirrorDropReason::Lagging(_) => &self.lagging,
            MirrorDropReason::NoRuntime => &self.no_runtime,
            MirrorDropReason::Refused(_) => &self.refused,
            MirrorDropReason::Stopped => &self.stopped,
            MirrorDropReason::TimedOut(_) => &self.timed_out,
        }
    }

    fn read(&self) -> MirrorDrops {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        MirrorDrops {
            abandoned: read(&self.abandoned),
            buffer_full: read(&self.buffer_full),
            in_flight: read(&self.in_flight),
            lagging: read(&self.lagging),
            no_runtime: read(&self.no_runtime),
            refused: read(&self.refused),
            stopped: read(&self.stopped),
            timed_out: read(&self.timed_out),
        }
    }
}

/// Permit of a copy in flight. It counts the copy's result when dropped: as stopped if there is
/// none.
#[derive(Debug)]
pub(super) struct CopyPermit {
    counts: Arc<Counts>,
    settled: bool,
}

impl CopyPermit {
    /// Starts a copy, unless `max` are in flight.
    pub(super) fn enter(counts: &Arc<Counts>, max: u32) -> Result<Self, MirrorDropReason> {
        let enter = |in_flight| (in_flight < max).then(|| in_flight + 1);
        let relaxed = Ordering::Relaxed;
        match counts.in_flight.fetch_update(relaxed, relaxed, enter) {
            Ok(_) => Ok(Self {
                counts: Arc::clone(counts),
                settled: false,
            }),
            Err(_) => Err(MirrorDropReason::InFlight(max)),
        }
    }

    pub(super) fn mirrored(mut self) {
        self.settled = true;
        self.counts.mirrored.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dropped(mut self, reason: MirrorDropReason) {
        self.settled = true;
        self.counts.dropped(reason);
    }

    pub(super) fn failed(mut self, failure: Failure) {
        self.fail(failure);
    }

    fn fail(&mut self, failure: Failure) {
        self.settled = true;
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        self.counts.emitter.emit(&EventKind::MirrorFailed(failure));
    }
}

impl Drop for CopyPermit {
    fn drop(&mut self) {
        if !self.settled && thread::panicking() {
            self.fail(Failure::Panic);
        } else if !self.settled {
            self.counts.dropped(MirrorDropReason::Stopped);
        }
        // Last: a copy is counted by its result before it leaves the copies in flight.
        self.counts.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, meshless_loom))]
mod loom_tests;
