use std::time::Duration;

use crate::foundation::time::{Backoff, Jitter};

/// How names are resolved, and how often again.
///
/// The default asks for IPv4 and IPv6 addresses, and again when their time to live is over: after 5 s
/// at the earliest, and 5 minutes at the latest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DnsPolicy {
    backoff: Backoff,
    families: Families,
    max_ttl: Duration,
    min_ttl: Duration,
    timeout: Duration,
    working_family: bool,
}

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Families {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

impl DnsPolicy {
    /// The default, in a constant.
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

    /// Sets the shortest time after which a name is asked for again, whatever its time to live. The
    /// default is 5 s; 0 is taken for a millisecond.
    ///
    /// A time to live of 0 is one of these, too. Envoy (`dns_min_refresh_rate` of its DNS cache, 5 s
    /// too).
    #[must_use]
    pub const fn with_min_ttl(mut self, min_ttl: Duration) -> Self {
        self.min_ttl = min_ttl;
        self
    }

    /// Sets the longest time after which a name is asked for again. The default is 5 minutes; less
    /// than the shortest is the shortest.
    ///
    /// Names in the system's file of hosts have no time to live, so this is theirs.
    #[must_use]
    pub const fn with_max_ttl(mut self, max_ttl: Duration) -> Self {
        self.max_ttl = max_ttl;
        self
    }

    /// Sets how long a name server has for one question, all tries together. The default is 5 s, as
    /// that of most systems' own resolver; 0 is always too late.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long to wait after a failure, and after the answer that there is nothing. The default
    /// is 1 s, doubling up to 30 s, half of it by chance; never less than a millisecond.
    ///
    /// Envoy: `dns_failure_refresh_rate`.
    #[must_use]
    pub const fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Asks for IPv4 addresses only. The default asks for both kinds, as Envoy's `ALL`.
    #[must_use]
    pub const fn with_ipv4_only(mut self) -> Self {
        self.families = Families {
            v4: true,
            v6: false,
        };
        self
    }

    /// Asks for IPv6 addresses only. The default asks for both kinds, as Envoy's `ALL`.
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

    /// How long a name server has for one question.
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
        ttl.min(self.max_ttl).max(self.min_ttl)
    }
}

impl Default for DnsPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}
