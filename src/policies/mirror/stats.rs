/// What became of the copies so far.
///
/// At rest, `chosen == mirrored + failed + dropped.total() + in_flight`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MirrorStats {
    /// Bytes of bodies that wait for the mirror right now.
    pub buffered: usize,
    /// Requests of which a copy was to be made.
    pub chosen: u64,
    /// Copies that were not made, or given up, by reason.
    pub dropped: MirrorDrops,
    /// Copies that found no answer, or half of one.
    pub failed: u64,
    /// Copies that are under way right now.
    pub in_flight: u32,
    /// Copies that the mirror answered, whatever its status.
    pub mirrored: u64,
}

/// How many copies were dropped, by reason; see [`MirrorDropReason`](crate::MirrorDropReason).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MirrorDrops {
    /// The original's body was not read to its end.
    pub abandoned: u64,
    /// All copies together held too many bytes.
    pub buffer_full: u64,
    /// Too many copies were in flight.
    pub in_flight: u64,
    /// The mirror fell too far behind the original.
    pub lagging: u64,
    /// There was no tokio runtime.
    pub no_runtime: u64,
    /// A policy of this crate kept it from the mirror.
    pub refused: u64,
    /// Mirroring stopped.
    pub stopped: u64,
    /// The mirror did not answer in time.
    pub timed_out: u64,
}

impl MirrorDrops {
    /// All of them together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.abandoned
            + self.buffer_full
            + self.in_flight
            + self.lagging
            + self.no_runtime
            + self.refused
            + self.stopped
            + self.timed_out
    }
}
