#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

/// Timeouts of a response, and the propagation of deadlines.
///
/// The default has no timeout of its own, and applies the caller's deadline.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TimeoutPolicy {
    extent: Extent,
    grpc_offset: Duration,
    idle: Duration,
    passes: Passes,
    overrides: bool,
    total: Duration,
}

/// Part of a response that the timeout limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Extent {
    /// The head of the response of one attempt.
    Attempt,
    /// The head; the caller's deadline holds for the body as well.
    Head,
    /// Head and body.
    Response,
}

/// Switches of the propagation of deadlines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Passes {
    envoy_headers: bool,
    incoming: bool,
    outgoing: bool,
}

impl TimeoutPolicy {
    /// Creates a policy with a total timeout for the whole response, body included.
    ///
    /// 0 means no limit, as in Istio's `timeout: 0s`.
    #[must_use]
    pub const fn total(total: Duration) -> Self {
        Self {
            extent: Extent::Response,
            grpc_offset: Duration::ZERO,
            idle: Duration::ZERO,
            passes: Passes {
                envoy_headers: false,
                incoming: true,
                outgoing: true,
            },
            overrides: false,
            total,
        }
    }

    /// Creates a policy for one attempt, to be placed inside a retry: `limit` is the timeout to the
    /// head of the response; the body is limited by the total.
    ///
    /// 0 means no limit, as in Istio's `perTryTimeout: 0s`. A limit longer than the total has no
    /// effect. It ends with the head, as in Envoy, so that a response that has started is not cut
    /// off.
    #[must_use]
    pub const fn per_try(limit: Duration) -> Self {
        let mut policy = Self::total(limit);
        policy.extent = Extent::Attempt;
        policy
    }

    /// Creates a policy with a timeout to the head of the response; 0 means no limit.
    ///
    /// The body, such as a stream of events or a download, may take longer: it is limited by the
    /// [idle timeout](Self::with_idle), which has to be set, and by the caller's deadline. That deadline alone is in the
    /// headers of the request: a server applies them to its whole response.
    #[must_use]
    pub const fn head(limit: Duration) -> Self {
        let mut policy = Self::total(limit);
        policy.extent = Extent::Head;
        policy
    }

    /// Creates a policy without any effect: no timeout, no headers read or written, and no deadline
    /// enforced.
    #[must_use]
    pub const fn off() -> Self {
        Self::total(Duration::ZERO)
            .with_incoming(false)
            .with_outgoing(false)
    }

    /// Sets the timeout of the whole response, of its head, or of an attempt, as the policy was created. The default
    /// is 0, which means no limit: Istio's default, where Envoy alone has 15 seconds.
    #[must_use]
    pub const fn with_total(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }

    /// Sets the idle timeout: the maximum silence of the body before its first frame and between
    /// frames. The default is 0, which means no limit.
    ///
    /// Time counts only while the caller polls for the next frame, so a slow reader does not make
    /// the upstream idle. The model is Envoy's `stream_idle_timeout`.
    #[must_use]
    pub const fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Sets whether the deadline in the request's headers is applied. The default is true.
    ///
    /// If false, the headers are treated as untrusted: `x-envoy-expected-rq-timeout-ms` is
    /// overwritten or removed, as by Envoy at an edge, and `grpc-timeout` is kept unless the
    /// policy's timeout is shorter. [`Deadline::current`](crate::Deadline::current) is applied in
    /// any case.
    #[must_use]
    pub const fn with_incoming(mut self, incoming: bool) -> Self {
        self.passes.incoming = incoming;
        self
    }

    /// Says whether the headers of the request are changed to tell the time that is left: `grpc-timeout` of a gRPC
    /// request, and `x-envoy-expected-rq-timeout-ms` [if asked](Self::with_envoy_headers). The default is
    /// `true`. With `false`, the tries of a retry inside tell nothing of it either.
    #[must_use]
    pub const fn with_outgoing(mut self, outgoing: bool) -> Self {
        self.passes.outgoing = outgoing;
        self
    }

    /// Sets whether a request carries the time that is left as `x-envoy-expected-rq-timeout-ms`. The default is
    /// `false`: the header is for a proxy or a service of one's own, and means nothing to a stranger. One that is in
    /// the request already is shortened all the same. In a mesh it goes to the hosts inside it, whatever is set here.
    ///
    /// Envoy's `suppress_envoy_headers`, the other way round.
    #[must_use]
    pub const fn with_envoy_headers(mut self, envoy_headers: bool) -> Self {
        self.passes.envoy_headers = envoy_headers;
        self
    }

    /// Sets whether a request may override the timeout in milliseconds:
    /// `x-envoy-upstream-rq-timeout-ms` overrides the total, and
    /// `x-envoy-upstream-rq-per-try-timeout-ms` the timeout of an [attempt](Self::per_try); 0 means
    /// no limit. The default is false.
    ///
    /// The header is removed in either case, and an invalid number is ignored. Envoy applies it to
    /// requests from internal addresses, and by default no address is internal.
    #[must_use]
    pub const fn with_header_overrides(mut self, overrides: bool) -> Self {
        self.overrides = overrides;
        self
    }

    /// Sets the offset subtracted from a caller's `grpc-timeout`, so that the response arrives
    /// before the caller times out: Envoy's `grpc_timeout_offset`. The default is 0; it is not
    /// applied where it would leave nothing.
    #[must_use]
    pub const fn with_grpc_offset(mut self, offset: Duration) -> Self {
        self.grpc_offset = offset;
        self
    }

    /// Returns the timeout of the whole response, of its head, or of an attempt; 0 means no limit.
    #[must_use]
    pub const fn total_timeout(&self) -> Duration {
        self.total
    }

    /// Returns the maximum silence of the body; 0 means no limit.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        self.idle
    }

    /// True if this is the timeout of one attempt, which ends with the head of the response.
    #[must_use]
    pub const fn is_per_try(&self) -> bool {
        matches!(self.extent, Extent::Attempt)
    }

    /// True if the timeout ends with the head of the response.
    #[must_use]
    pub const fn ends_with_head(&self) -> bool {
        !matches!(self.extent, Extent::Response)
    }

    pub(super) const fn envoy_headers(&self) -> bool {
        self.passes.envoy_headers
    }

    pub(super) const fn grpc_offset(&self) -> Duration {
        self.grpc_offset
    }

    pub(super) const fn extent(&self) -> Extent {
        self.extent
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
