use std::time::Duration;

/// How long to wait for an answer.
///
/// The default sets no time of its own and lets the caller's deadline hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TimeoutPolicy {
    grpc_offset: Duration,
    head_only: bool,
    idle: Duration,
    passes: Passes,
    overrides: bool,
    total: Duration,
}

/// What is done with deadlines that travel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Passes {
    incoming: bool,
    outgoing: bool,
}

impl TimeoutPolicy {
    /// Creates a policy that allows `total` for the whole response, body included.
    ///
    /// 0 allows any time, as in Istio's `timeout: 0s`.
    #[must_use]
    pub const fn total(total: Duration) -> Self {
        Self {
            grpc_offset: Duration::ZERO,
            head_only: false,
            idle: Duration::ZERO,
            passes: Passes {
                incoming: true,
                outgoing: true,
            },
            overrides: false,
            total,
        }
    }

    /// Creates a policy for one try out of several, to be put inside a retry: it allows `limit` to the
    /// head of the response; the body belongs to the total.
    ///
    /// 0 allows any time, as in Istio's `perTryTimeout: 0s`. One that is longer than the total changes
    /// nothing. That it ends with the head is Envoy's behaviour too, which lets a response that
    /// has started go on.
    #[must_use]
    pub const fn per_try(limit: Duration) -> Self {
        let mut policy = Self::total(limit);
        policy.head_only = true;
        policy
    }

    /// Creates a policy that does nothing at all: no time, no header read or written, and no
    /// deadline enforced.
    #[must_use]
    pub const fn off() -> Self {
        Self::total(Duration::ZERO)
            .with_incoming(false)
            .with_outgoing(false)
    }

    /// Sets the time for the whole response. The default is 0, which allows any time: Istio's, where
    /// Envoy by itself would allow 15 seconds.
    #[must_use]
    pub const fn with_total(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }

    /// Sets how long the body may stay silent between two of its frames, and before the first one. The
    /// default is 0, which allows any silence.
    ///
    /// It counts only while somebody waits for the next frame, so a slow reader is no silent upstream.
    /// Envoy's `stream_idle_timeout` is the model.
    #[must_use]
    pub const fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Says whether the deadline that the request's headers tell is honoured. The default is `true`.
    ///
    /// With `false` it is taken for a stranger's: `x-envoy-expected-rq-timeout-ms` is overwritten or
    /// taken away, as Envoy does at its edge, and `grpc-timeout` stays unless ours is shorter.
    /// [`Deadline::current`](crate::Deadline::current) holds all the same.
    #[must_use]
    pub const fn with_incoming(mut self, incoming: bool) -> Self {
        self.passes.incoming = incoming;
        self
    }

    /// Says whether the headers of the request are changed to tell the time that is left. The default is
    /// `true`. With `false`, the tries of a retry inside tell nothing of it either.
    #[must_use]
    pub const fn with_outgoing(mut self, outgoing: bool) -> Self {
        self.passes.outgoing = outgoing;
        self
    }

    /// Says whether a request may set its own time: `x-envoy-upstream-rq-timeout-ms` in place of the
    /// total, or `x-envoy-upstream-rq-per-try-timeout-ms` in place of the time of a
    /// [try](Self::per_try), in milliseconds, 0 for any time. The default is `false`.
    ///
    /// The header is taken away in either case, and one that is no number is ignored. Envoy obeys it if
    /// it comes from an internal address, and with its default settings none is internal.
    #[must_use]
    pub const fn with_header_overrides(mut self, overrides: bool) -> Self {
        self.overrides = overrides;
        self
    }

    /// Sets what is taken off the `grpc-timeout` of a caller, so that our answer arrives before it gives
    /// up. The default is 0; it is left out where nothing would remain. Envoy's
    /// `grpc_timeout_offset`.
    #[must_use]
    pub const fn with_grpc_offset(mut self, offset: Duration) -> Self {
        self.grpc_offset = offset;
        self
    }

    /// Returns the time for the whole response, or for a try; 0 is any time.
    #[must_use]
    pub const fn total_timeout(&self) -> Duration {
        self.total
    }

    /// Returns how long the body may stay silent; 0 is any time.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        self.idle
    }

    /// Says whether this is the timeout of one try, which ends with the head of the response.
    #[must_use]
    pub const fn is_per_try(&self) -> bool {
        self.head_only
    }

    pub(super) const fn grpc_offset(&self) -> Duration {
        self.grpc_offset
    }

    pub(super) const fn head_only(&self) -> bool {
        self.head_only
    }

    pub(super) const fn incoming(&self) -> bool {
        self.passes.incoming
    }

    pub(super) const fn is_off(&self) -> bool {
        let passes = self.passes.incoming || self.passes.outgoing || self.overrides;
        !passes && self.total.is_zero() && self.idle.is_zero()
    }

    pub(super) const fn outgoing(&self) -> bool {
        self.passes.outgoing
    }

    pub(super) const fn overrides(&self) -> bool {
        self.overrides
    }
}

impl Default for TimeoutPolicy {
    fn default() -> Self {
        Self::total(Duration::ZERO)
    }
}
