use std::time::Duration;

/// How many connections a pool has, how long it keeps them, and how many requests wait for one.
///
/// 0 is no limit, as in Istio's `connectionPool`, so an unset field is its default: only the two times
/// that Istio sets by itself are set, connecting (10 s) and idling (1 h).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PoolPolicy {
    connect_timeout: Duration,
    http2: bool,
    idle_timeout: Duration,
    max_connection_duration: Duration,
    max_connections: u32,
    max_pending: u32,
    max_requests_per_connection: u32,
    one_per_authority: bool,
}

impl Default for PoolPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl PoolPolicy {
    /// Creates a policy that limits no number, gives a connection 10 s to be made, and keeps an idle
    /// one for an hour.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            http2: false,
            idle_timeout: Duration::from_secs(3_600),
            max_connection_duration: Duration::ZERO,
            max_connections: 0,
            max_pending: 0,
            max_requests_per_connection: 0,
            one_per_authority: false,
        }
    }

    /// Creates a policy that limits nothing, neither numbers nor times.
    #[must_use]
    pub const fn off() -> Self {
        Self::new()
            .with_connect_timeout(Duration::ZERO)
            .with_idle_timeout(Duration::ZERO)
    }

    /// Sets how many connections there are at once, to all authorities together, those counted that are
    /// being made or closed. The default is 0, which is no limit.
    ///
    /// It is never exceeded but for [one to each authority](Self::with_one_per_authority) if that is set.
    ///
    /// Istio's `maxConnections`.
    #[must_use]
    pub const fn with_max_connections(mut self, max: u32) -> Self {
        self.max_connections = max;
        self
    }

    /// Sets whether each authority may have one connection whatever the limit of connections. The default
    /// is `false`: the limit is exact, and authorities that are more than it take turns.
    ///
    /// Envoy lets each host have one for each of its threads all the same, so a mesh sets this to `true`.
    #[must_use]
    pub const fn with_one_per_authority(mut self, one: bool) -> Self {
        self.one_per_authority = one;
        self
    }

    /// Sets how many requests may wait for a connection at once. The default is 0, which is no limit.
    ///
    /// As in Envoy, a request waits also while its own connection is being made: of 4 requests at the
    /// same moment and a limit of 1, one passes, unless there are idle connections.
    ///
    /// Istio's `http1MaxPendingRequests`, for HTTP/2 too.
    #[must_use]
    pub const fn with_max_pending(mut self, max: u32) -> Self {
        self.max_pending = max;
        self
    }

    /// Sets how many requests a connection carries before it is closed; the last one of an HTTP/1
    /// connection says `connection: close`. The default is 0, which is no limit; 1 is no keep-alive.
    ///
    /// Istio's `maxRequestsPerConnection`.
    #[must_use]
    pub const fn with_max_requests_per_connection(mut self, max: u32) -> Self {
        self.max_requests_per_connection = max;
        self
    }

    /// Sets how long a connection may take to be made, handshakes included. The default is 10 s; 0 is
    /// no limit.
    ///
    /// Istio's `connectTimeout`.
    #[must_use]
    pub const fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long a connection is kept without a request. The default is an hour; 0 is no limit.
    ///
    /// Istio's `idleTimeout`.
    #[must_use]
    pub const fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets after how long a connection gets no more requests; it is closed when those that it carries
    /// have ended. The default is 0, which is no limit.
    ///
    /// Istio's `maxConnectionDuration`.
    #[must_use]
    pub const fn with_max_connection_duration(mut self, duration: Duration) -> Self {
        self.max_connection_duration = duration;
        self
    }

    /// Speaks HTTP/2 on every connection that is made from now on, without asking. The default is
    /// HTTP/1, unless the connector says that HTTP/2 was negotiated (ALPN).
    #[must_use]
    pub const fn with_http2(mut self, http2: bool) -> Self {
        self.http2 = http2;
        self
    }

    /// Returns how long a connection may take to be made; `None` is no limit.
    #[must_use]
    pub const fn connect_timeout(&self) -> Option<Duration> {
        time(self.connect_timeout)
    }

    /// Returns whether HTTP/2 is spoken without asking.
    #[must_use]
    pub const fn http2(&self) -> bool {
        self.http2
    }

    /// Returns how long an idle connection is kept; `None` is no limit.
    #[must_use]
    pub const fn idle_timeout(&self) -> Option<Duration> {
        time(self.idle_timeout)
    }

    /// Returns after how long a connection gets no more requests; `None` is no limit.
    #[must_use]
    pub const fn max_connection_duration(&self) -> Option<Duration> {
        time(self.max_connection_duration)
    }

    /// Returns how many connections there may be; `None` is no limit.
    #[must_use]
    pub const fn max_connections(&self) -> Option<u32> {
        number(self.max_connections)
    }

    /// Returns whether each authority may have one connection whatever the limit.
    #[must_use]
    pub const fn one_per_authority(&self) -> bool {
        self.one_per_authority
    }

    /// Returns how many requests may wait; `None` is no limit.
    #[must_use]
    pub const fn max_pending(&self) -> Option<u32> {
        number(self.max_pending)
    }

    /// Returns how many requests a connection carries; `None` is no limit.
    #[must_use]
    pub const fn max_requests_per_connection(&self) -> Option<u32> {
        number(self.max_requests_per_connection)
    }
}

const fn number(max: u32) -> Option<u32> {
    if max == 0 { None } else { Some(max) }
}

const fn time(limit: Duration) -> Option<Duration> {
    if limit.is_zero() { None } else { Some(limit) }
}
