use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::foundation::http::client_address::how_to_know_peers;

/// Counters of a limiter since it was created.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RateLimitStats {
    /// Rejected calls.
    pub enforced: u64,
    /// Keys evicted to make room for others, although they had used some of their limit.
    pub evicted: u64,
    /// Calls over the limit, rejected or not.
    pub rate_limited: u64,
    /// Requests without a client address under a key that needs it.
    pub unknown_address: u64,
    /// Calls in the queue at present.
    pub waiting: usize,
}

/// Counts the exceptional cases, so that the common path pays nothing.
#[derive(Debug, Default)]
pub(super) struct Counters {
    enforced: AtomicU64,
    rate_limited: AtomicU64,
    unknown_address: AtomicU64,
    warned: AtomicBool,
}

impl Counters {
    pub(super) fn deny(&self, enforced: bool) {
        self.rate_limited.fetch_add(1, Ordering::Relaxed);
        self.enforced.fetch_add(enforced.into(), Ordering::Relaxed);
    }

    /// Counts a request without a client address; the first is logged, with the remedy for its server.
    pub(super) fn miss_address(&self, is_unix: bool) {
        self.unknown_address.fetch_add(1, Ordering::Relaxed);
        if self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        if is_unix {
            tracing::warn!(
                "rate limit by client address: a request came over a Unix socket, whose peer has no address, so \
                 all such requests share one count; if the peer is a proxy that writes `X-Forwarded-For` or \
                 `Forwarded`, trust it by `ClientAddress::trusting_unix_sockets`; else limit by another key"
            );
        } else {
            tracing::warn!(
                "rate limit by client address: a request has no peer address, so all such requests share one \
                 count; {}; over a Unix socket, insert a `UnixPeer` and trust it by \
                 `ClientAddress::trusting_unix_sockets`",
                how_to_know_peers()
            );
        }
    }

    pub(super) fn stats(&self, evicted: u64, waiting: usize) -> RateLimitStats {
        RateLimitStats {
            enforced: self.enforced.load(Ordering::Relaxed),
            evicted,
            rate_limited: self.rate_limited.load(Ordering::Relaxed),
            unknown_address: self.unknown_address.load(Ordering::Relaxed),
            waiting,
        }
    }
}
