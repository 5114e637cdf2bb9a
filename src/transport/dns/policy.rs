#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

use crate::foundation::time::{Backoff, Jitter};

/// Address families, refresh times and timeouts of DNS resolution.
///
/// The default queries IPv4 and IPv6 addresses, and refreshes them after their time to live,
/// limited to between 5 s and 5 minutes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DnsPolicy {
    backoff: Backoff,
    families: Families,
    max_ttl: Duration,
    min_ttl: Duration,
    timeout: Duration,
    working_family: bool,
}

/// The address families to query.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Families {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

impl DnsPolicy {
    /// The default policy, as a constant.
    pub const DEFAULT: Self = Self {
        backoff: Backoff::exponential(Duration::from_secs(1))
            .with_cap(Duration::from_secs(30))
            .with_jitter(Jitter::Equal),
        families: Families { v4: true, v6: true },
        max_ttl: Duration::from_secs(300),
        min_ttl: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        working_family: false,
    };

    /// Sets the minimum time between refreshes, whatever the time to live. The default is 5 s; 0 is
    /// 1 ms.
    ///
    /// A time to live of 0 also results in this time. Envoy: `dns_min_refresh_rate` of its DNS
    /// cache, also 5 s.
    #[must_use]
    pub const fn with_min_ttl(mut self, min_ttl: Duration) -> Self {
        self.min_ttl = min_ttl;
        self
    }

    /// Sets the maximum time between refreshes. The default is 5 minutes; a value below the minimum
    /// has the effect of the minimum.
    ///
    /// Names in the system's hosts file have no time to live and are refreshed after this time.
    #[must_use]
    pub const fn with_max_ttl(mut self, max_ttl: Duration) -> Self {
        self.max_ttl = max_ttl;
        self
    }

    /// Sets the timeout of one query, all attempts included. The default is 5 s, as in most
    /// systems' resolvers; with 0 every query fails.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the wait after a failure or an empty answer. The default is exponential from 1 s to 30
    /// s with equal jitter (half of it random); at least 1 ms.
    ///
    /// Envoy: `dns_failure_refresh_rate`.
    #[must_use]
    pub const fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Restricts queries to IPv4 addresses. The default is both families, as Envoy's `ALL`.
    #[must_use]
    pub const fn with_ipv4_only(mut self) -> Self {
        self.families = Families {
            v4: true,
            v6: false,
        };
        self
    }

    /// Restricts queries to IPv6 addresses. The default is both families, as Envoy's `ALL`.
    #[must_use]
    pub const fn with_ipv6_only(mut self) -> Self {
        self.families = Families {
            v4: false,
            v6: true,
        };
        self
    }

    /// Sets whether, of a name with addresses of both kinds, one kind is left out while connections to the
    /// other can be made and to it cannot. The default is `false`: all addresses are endpoints, as Envoy's
    /// `ALL`. A mesh sets it for the names of its documents.
    ///
    /// It is found out by a connection to each kind, which is closed at once, when addresses change
    /// and after a minute; the second one may be 250 ms later than the first (RFC 8305).
    #[must_use]
    pub const fn with_working_family(mut self, working_family: bool) -> Self {
        self.working_family = working_family;
        self
    }

    /// Returns the timeout of one query to a name server.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) const fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    pub(super) const fn families(&self) -> Families {
        self.families
    }

    pub(super) const fn working_family(&self) -> bool {
        self.working_family
    }

    /// Puts a time to live between the limits.
    pub(super) fn clamp(&self, ttl: Duration) -> Duration {
        // `max` last: the minimum wins if the policy's limits contradict each other.
        ttl.min(self.max_ttl).max(self.min_ttl)
    }
}

impl Default for DnsPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}
