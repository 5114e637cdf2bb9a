#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

/// Maximum of concurrent and of pending requests, and the maximum wait.
///
/// The default limits nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ConcurrencyLimitPolicy {
    in_flight: u32,
    pending: u32,
    wait: Duration,
}

impl ConcurrencyLimitPolicy {
    /// Creates a policy that admits `max_in_flight` concurrent requests and queues none.
    ///
    /// 0 means no limit, as for Istio's `http2MaxRequests`.
    #[must_use]
    pub const fn new(max_in_flight: u32) -> Self {
        Self {
            in_flight: max_in_flight,
            pending: 0,
            wait: Duration::ZERO,
        }
    }

    /// Creates a policy that limits nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self::new(0)
    }

    /// Sets the maximum number of concurrent requests. The default is 0, which means no limit.
    #[must_use]
    pub const fn with_max_in_flight(mut self, max_in_flight: u32) -> Self {
        self.in_flight = max_in_flight;
        self
    }

    /// Sets the maximum number of pending requests while the limit is reached. The default is 0: a
    /// request over the limit is rejected at once, as by Envoy at `max_requests`.
    ///
    /// There is always a bound. Istio's `http1MaxPendingRequests: 0`, which means no limit,
    /// corresponds to `u32::MAX`.
    #[must_use]
    pub const fn with_max_pending(mut self, max_pending: u32) -> Self {
        self.pending = max_pending;
        self
    }

    /// Sets the maximum wait of a pending request. The default is 0: it waits until its deadline,
    /// or until its caller cancels.
    #[must_use]
    pub const fn with_max_wait(mut self, max_wait: Duration) -> Self {
        self.wait = max_wait;
        self
    }

    /// Returns the maximum number of concurrent requests; 0 means no limit.
    #[must_use]
    pub const fn max_in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Returns the maximum number of pending requests.
    #[must_use]
    pub const fn max_pending(&self) -> u32 {
        self.pending
    }

    /// Returns the maximum wait of a pending request; 0 means no limit.
    #[must_use]
    pub const fn max_wait(&self) -> Duration {
        self.wait
    }
}
