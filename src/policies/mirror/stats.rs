/// Statistics of the copies so far.
///
/// At rest, `chosen == mirrored + failed + dropped.total() + in_flight`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MirrorStats {
    /// Bytes of bodies that are buffered for the mirror now.
    pub buffered: usize,
    /// Number of requests that were chosen to be copied.
    pub chosen: u64,
    /// Number of copies that were not made, or were cancelled, by reason.
    pub dropped: MirrorDrops,
    /// Number of copies without a response, or with an incomplete one.
    pub failed: u64,
    /// Number of copies in flight now.
    pub in_flight: u32,
    /// Number of copies that the mirror answered, with any status.
    pub mirrored: u64,
}

/// Number of dropped copies by reason; see [`MirrorDropReason`](crate::mirror::MirrorDropReason).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MirrorDrops {
    /// Number of copies whose original body was not read to its end.
    pub abandoned: u64,
    /// Number of copies dropped because all copies together buffered too many bytes.
    pub buffer_full: u64,
    /// Number of copies not made because too many were in flight.
    pub in_flight: u64,
    /// Number of copies whose mirror lagged too far behind the original.
    pub lagging: u64,
    /// Number of copies not made because there was no tokio runtime.
    pub no_runtime: u64,
    /// Number of copies that a policy of this crate rejected.
    pub refused: u64,
    /// Number of copies cancelled because mirroring stopped.
    pub stopped: u64,
    /// Number of copies that the mirror did not answer in time.
    pub timed_out: u64,
}

impl MirrorDrops {
    /// Returns the sum of all reasons.
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
