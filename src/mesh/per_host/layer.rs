use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use tower_layer::Layer;

use super::host_table::{HostTable, Override};
use super::origin_pattern::OriginPattern;
use super::{InvalidHost, OutboundPerHostService};
use crate::foundation::sync::sharded_arc::ShardedArc;
use crate::mesh::Outbound;
use crate::mesh::snapshot::OutboundSnapshot;

/// A recommended stack for each host that a client calls, in one layer.
///
/// A host is scheme, name and port of the request's URI, or else of its `Host`; spellings of one host are equal
/// (upper case, the scheme's own port, the dot of the root, IPv6). Requests with neither share one stack. Each host
/// has a circuit breaker, limits, and a retry budget of its own, so that one that is down shuts no other out. All
/// services that the layer makes, and all clones of it, share the stacks. See [`Outbound::per_host`] for an example.
#[derive(Clone)]
pub struct OutboundPerHost {
    base: Outbound,
    max: usize,
    overrides: Vec<(OriginPattern, Override)>,
    table: ShardedArc<HostTable>,
}

/// Default number of hosts.
const MAX_HOSTS: usize = 1_024;

impl OutboundPerHost {
    fn new(base: Outbound) -> Self {
        Self {
            table: ShardedArc::new(HostTable::new(base.clone(), MAX_HOSTS, Vec::new())),
            base,
            max: MAX_HOSTS,
            overrides: Vec::new(),
        }
    }

    /// Sets how many hosts have a stack at a time. The default is 1024; 0 means 1. To be set before the layer is
    /// used: the stacks begin again.
    ///
    /// For one more host, the one that was not called for the longest time gives up its stack, and one without
    /// requests in flight (by its concurrency limit) before others. Its requests in flight end as they would have;
    /// a later call of it begins with a closed circuit breaker and full limits.
    #[must_use]
    pub fn with_max_hosts(mut self, max: usize) -> Self {
        self.max = max;
        self.rebuilt()
    }

    /// Changes the stack of one host: `change` gets the stack of all hosts and returns this one's. It is called for
    /// each host that matches when it is first called, and on [`reconfigure`](Self::reconfigure). To be set before the
    /// layer is used: the stacks begin again.
    ///
    /// `host` is `api.example.com`, with any scheme and port; `api.example.com:8443`; `https://api.example.com`, which
    /// implies port 443; or both. Of several that match, each changes what the one before returned.
    ///
    /// # Errors
    ///
    /// If `host` is not a host, or has a path.
    pub fn for_host(
        mut self,
        host: &str,
        change: impl Fn(Outbound) -> Outbound + Send + Sync + 'static,
    ) -> Result<Self, InvalidHost> {
        self.overrides
            .push((OriginPattern::parse(host)?, Arc::new(change)));
        Ok(self.rebuilt())
    }

    /// Replaces the policies of all hosts, and of those that are called later, by those of `outbound`, changed as
    /// [`for_host`](Self::for_host) says. Their state stays.
    pub fn reconfigure(&self, outbound: &Outbound) {
        self.table.reconfigure(outbound);
    }

    /// Returns the stack of a host, for its state, a forced state, and policies of its own until the next
    /// [`reconfigure`](Self::reconfigure); `None` if the host was not called, or not lately.
    ///
    /// `host` is as for [`for_host`](Self::for_host); of several that match, the one that was called last is returned.
    ///
    /// # Errors
    ///
    /// If `host` is not a host, or has a path.
    pub fn host(&self, host: &str) -> Result<Option<Outbound>, InvalidHost> {
        Ok(self.table.find(&OriginPattern::parse(host)?))
    }

    /// Returns all hosts that have a stack, such as `https://api.example.com`, with it, in the order of their names.
    #[must_use]
    pub fn hosts(&self) -> Vec<(String, Outbound)> {
        self.table.all()
    }

    /// Returns the state of all hosts that have a stack, by their names and in that order.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(String, OutboundSnapshot)> {
        let hosts = self.table.all().into_iter();
        hosts
            .map(|(host, outbound)| (host, outbound.snapshot()))
            .collect()
    }

    /// Returns the stack by which those of the hosts are made.
    #[must_use]
    pub fn outbound(&self) -> Outbound {
        self.table.base()
    }

    fn rebuilt(mut self) -> Self {
        let table = HostTable::new(self.base.clone(), self.max, self.overrides.clone());
        self.table = ShardedArc::new(table);
        self
    }
}

impl Outbound {
    /// Makes a stack of its own for each host that a client calls, with these policies.
    ///
    /// A client of several hosts needs it: in one stack, a host that is down opens the circuit breaker of all.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use meshless::rate_limit::RateLimitPolicy;
    /// use meshless::timeout::TimeoutPolicy;
    /// use tower::Layer;
    /// # #[derive(Clone)] struct Transport;
    /// # let transport = Transport;
    ///
    /// let hosts = meshless::outbound()
    ///     .with_timeout(TimeoutPolicy::total(Duration::from_secs(10)))
    ///     .per_host()
    ///     .for_host("api.openai.com", |outbound| {
    ///         outbound.with_attempt_limit(RateLimitPolicy::per_minute(20))
    ///     })?;
    /// let client = hosts.layer(transport);
    ///
    /// // Later: the state of one host, and of all.
    /// if let Some(openai) = hosts.host("api.openai.com")? {
    ///     println!("{:?}", openai.circuit_breaker().state());
    /// }
    /// for (host, outbound) in hosts.hosts() {
    ///     println!("{host}: {} in flight", outbound.concurrency_limit().in_flight());
    /// }
    /// # let _ = client;
    /// # Ok::<_, meshless::mesh::InvalidHost>(())
    /// ```
    #[must_use]
    pub fn per_host(self) -> OutboundPerHost {
        OutboundPerHost::new(self)
    }
}

impl Debug for OutboundPerHost {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundPerHost")
            .field("hosts", &self.table.len())
            .field("max_hosts", &self.max)
            .field("overrides", &self.overrides.len())
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for OutboundPerHost {
    type Service = OutboundPerHostService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        self.base.warn_once();
        OutboundPerHostService::new(inner, self.table.shared_ref())
    }
}
