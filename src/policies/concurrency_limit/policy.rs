use std::time::Duration;

/// How many may run at once, how many more may wait, and for how long.
///
/// The default limits nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ConcurrencyLimitPolicy {
    in_flight: u32,
    pending: u32,
    wait: Duration,
}

impl ConcurrencyLimitPolicy {
    /// Creates a policy that lets `max_in_flight` requests run at once and none wait.
    ///
    /// 0 lets any number run, as in Istio, where it is `http2MaxRequests`.
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

    /// Sets how many requests may run at once. The default is 0, which lets any number run.
    #[must_use]
    pub const fn with_max_in_flight(mut self, max_in_flight: u32) -> Self {
        self.in_flight = max_in_flight;
        self
    }

    /// Sets how many requests may wait while the limit is reached. The default is 0: the next one is
    /// turned away at once, as Envoy does at `max_requests`.
    ///
    /// There is always a bound. Istio's `http1MaxPendingRequests: 0`, which means none, is
    /// `u32::MAX` here.
    #[must_use]
    pub const fn with_max_pending(mut self, max_pending: u32) -> Self {
        self.pending = max_pending;
        self
    }

    /// Sets how long a request may wait. The default is 0, which lets it wait until its deadline, or
    /// for as long as its caller does.
    #[must_use]
    pub const fn with_max_wait(mut self, max_wait: Duration) -> Self {
        self.wait = max_wait;
        self
    }

    /// Returns how many requests may run at once; 0 is any number.
    #[must_use]
    pub const fn max_in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Returns how many requests may wait.
    #[must_use]
    pub const fn max_pending(&self) -> u32 {
        self.pending
    }

    /// Returns how long a request may wait; 0 is any time.
    #[must_use]
    pub const fn max_wait(&self) -> Duration {
        self.wait
    }
}
