#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

/// Limits and timeouts of a [`Pool`](super::Pool).
///
/// 0 means no limit, as in Istio's `connectionPool`, so an unset field is its default. Only the two
/// timeouts that Istio sets by default are set: connecting (10 s) and idle (1 h).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PoolPolicy {
    connect_timeout: Duration,
    http2: bool,
    http2_keep_alive: (Duration, Duration),
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
    /// Creates a policy without limits on numbers, with a connect timeout of 10 s and an idle
    /// timeout of 1 h.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            http2: false,
            http2_keep_alive: (Duration::ZERO, Duration::ZERO),
            idle_timeout: Duration::from_secs(3_600),
            max_connection_duration: Duration::ZERO,
            max_connections: 0,
            max_pending: 0,
            max_requests_per_connection: 0,
            one_per_authority: false,
        }
    }

    /// Creates a policy without any limit or timeout.
    #[must_use]
    pub const fn off() -> Self {
        Self::new()
            .with_connect_timeout(Duration::ZERO)
            .with_idle_timeout(Duration::ZERO)
    }

    /// Sets the maximum number of connections, to all authorities together, including those being
    /// opened or closed. The default is 0, which means no limit.
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
    /// As in Envoy, a request also waits while its own connection is being opened: of 4
    /// simultaneous requests and a limit of 1, one passes, unless there are idle connections.
    ///
    /// Istio's `http1MaxPendingRequests`, for HTTP/2 too.
    #[must_use]
    pub const fn with_max_pending(mut self, max: u32) -> Self {
        self.max_pending = max;
        self
    }

    /// Sets the maximum number of requests per connection; the last one of an HTTP/1 connection is
    /// sent with `connection: close`. The default is 0, which means no limit; 1 means no
    /// keep-alive.
    ///
    /// Istio's `maxRequestsPerConnection`.
    #[must_use]
    pub const fn with_max_requests_per_connection(mut self, max: u32) -> Self {
        self.max_requests_per_connection = max;
        self
    }

    /// Sets the timeout for opening a connection, handshakes included. The default is 10 s; 0 means
    /// no timeout.
    ///
    /// Istio's `connectTimeout`.
    #[must_use]
    pub const fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the time after which an idle connection is closed. The default is 1 h; 0 means no
    /// timeout.
    ///
    /// Istio's `idleTimeout`.
    #[must_use]
    pub const fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets the maximum age of a connection. After it the connection gets no more requests, and is
    /// closed when those in flight have ended. The default is 0, which means no limit.
    ///
    /// Istio's `maxConnectionDuration`.
    #[must_use]
    pub const fn with_max_connection_duration(mut self, duration: Duration) -> Self {
        self.max_connection_duration = duration;
        self
    }

    /// Uses HTTP/2 with prior knowledge on every connection opened from now on. The default is
    /// HTTP/1, unless the connector reports HTTP/2 as negotiated (ALPN).
    #[must_use]
    pub const fn with_http2(mut self, http2: bool) -> Self {
        self.http2 = http2;
        self
    }

    /// Sets the interval at which a PING is sent on each HTTP/2 connection opened from now on, idle ones
    /// included, and the time after which a connection without an answer is closed. The default is 0, which
    /// means no PING.
    ///
    /// Istio's `http2KeepAlive`.
    #[must_use]
    pub const fn with_http2_keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.http2_keep_alive = (interval, timeout);
        self
    }

    /// Returns the connect timeout; `None` means no timeout.
    #[must_use]
    pub const fn connect_timeout(&self) -> Option<Duration> {
        time(self.connect_timeout)
    }

    /// Returns true if HTTP/2 is used with prior knowledge.
    #[must_use]
    pub const fn http2(&self) -> bool {
        self.http2
    }

    /// Returns the interval and the timeout of PINGs on HTTP/2 connections; `None` means no PING.
    #[must_use]
    pub const fn http2_keep_alive(&self) -> Option<(Duration, Duration)> {
        let (interval, timeout) = self.http2_keep_alive;
        match time(interval) {
            Some(interval) => Some((interval, timeout)),
            None => None,
        }
    }

    /// Returns the idle timeout; `None` means no timeout.
    #[must_use]
    pub const fn idle_timeout(&self) -> Option<Duration> {
        time(self.idle_timeout)
    }

    /// Returns the maximum age of a connection; `None` means no limit.
    #[must_use]
    pub const fn max_connection_duration(&self) -> Option<Duration> {
        time(self.max_connection_duration)
    }

    /// Returns the maximum number of connections; `None` means no limit.
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

    /// Returns the maximum number of requests per connection; `None` means no limit.
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
