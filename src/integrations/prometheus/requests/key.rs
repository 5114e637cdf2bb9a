use std::sync::Arc;

use crate::foundation::events::Completion;
use crate::foundation::outcome::Source;

/// Identity of a series by addresses and numbers, so that a request finds its series without its labels.
///
/// An address stays in use as long as a [`Handle`](super::series_table::Handle) holds its owner.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct SeriesKey {
    /// Id of an endpoint that has labels; 0 for others.
    endpoint: u64,
    flags: u32,
    /// Number of the host, for a source that names none.
    host: u32,
    peer: usize,
    /// Address of the label with the reason, for an attempt.
    reason: usize,
    source: usize,
    /// HTTP status, gRPC status, and what is true of the request.
    status: u64,
    /// Number of the table.
    table: u32,
}

impl SeriesKey {
    pub(super) fn new(
        table: u32,
        source: &Arc<Source>,
        done: &Completion,
        host: u32,
        reason: Option<&'static str>,
    ) -> Self {
        let endpoint = done.endpoint.as_ref();
        // The peer says more than the endpoint.
        let endpoint = endpoint
            .filter(|endpoint| done.peer.is_none() && endpoint.labels().next().is_some())
            .map_or(0, |endpoint| endpoint.id() + 1);
        let code = done.status.map_or(0, |status| u64::from(status.as_u16()));
        let grpc = done
            .grpc_status()
            .map_or(0, |status| 1 + u64::from(status.code()));
        let is = |fact: bool, bit: u32| u64::from(fact) << bit;
        Self {
            endpoint,
            flags: done.flags.bits(),
            host,
            peer: done
                .peer
                .as_ref()
                .map_or(0, |peer| Arc::as_ptr(peer).addr()),
            reason: reason.map_or(0, |reason| reason.as_ptr().addr()),
            source: Arc::as_ptr(source).addr(),
            status: code
                | grpc << 16
                | is(done.is_grpc, 32)
                | is(done.is_served, 33)
                | is(done.retries > 0, 34),
            table,
        }
    }

    /// Returns a place in a thread's memory of so many, a power of two.
    #[inline]
    pub(super) fn place(&self, places: usize) -> usize {
        let words = [
            self.source as u64,
            self.peer as u64,
            self.endpoint,
            self.status,
            self.reason as u64,
            u64::from(self.flags) << 32 | u64::from(self.host ^ self.table << 16),
        ];
        let mut hash = 0_u64;
        for word in words {
            hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        // The upper bits depend on all others.
        (hash >> 40) as usize & (places - 1)
    }
}
