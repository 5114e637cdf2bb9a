#[cfg(feature = "serde")]
mod config;

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use super::{Route, VirtualHost, WeightsError};
use crate::foundation::matching::host_index::HostIndex;

/// Routes of requests to destinations, by host.
///
/// The most specific virtual host for the request's host applies, and in it the first route that
/// matches. The default is [`TrafficSplitPolicy::off`].
#[derive(Clone, Default)]
pub struct TrafficSplitPolicy {
    hosts: Vec<VirtualHost>,
    index: HostIndex,
    /// The ports of the listener, which count in place of the one that a request names.
    ports: Option<Arc<[u16]>>,
    unknown_host_is_not_found: bool,
    unnormalized: bool,
}

/// Writes the numbers of hosts and routes.
impl Debug for TrafficSplitPolicy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrafficSplitPolicy")
            .field("hosts", &self.hosts.len())
            .field("routes", &self.routes().count())
            .finish_non_exhaustive()
    }
}

impl TrafficSplitPolicy {
    /// Creates a policy with routes for every host, in the order in which they are matched.
    #[must_use]
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        Self::off().with_host(VirtualHost::any(routes))
    }

    /// Creates a policy that passes every request unchanged.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            hosts: Vec::new(),
            index: HostIndex::none(),
            ports: None,
            unknown_host_is_not_found: false,
            unnormalized: false,
        }
    }

    /// Adds a virtual host.
    #[must_use]
    pub fn with_host(self, host: VirtualHost) -> Self {
        // The index is rebuilt for each host: policies are built rarely and looked up for every request.
        self.with_hosts([host])
    }

    fn with_hosts(mut self, hosts: impl IntoIterator<Item = VirtualHost>) -> Self {
        self.hosts.extend(hosts);
        let hosts = self.hosts.iter().enumerate();
        self.index = HostIndex::of(hosts.flat_map(|(place, host)| {
            let patterns = host.patterns().iter();
            patterns.map(move |pattern| (place, pattern))
        }));
        self
    }

    /// Sets whether a request to a host without a virtual host is answered with 404. By default it
    /// passes unchanged, as under Istio's `ALLOW_ANY`.
    ///
    /// A request to a known host that no route matches always gets 404.
    #[must_use]
    pub const fn with_unknown_hosts_rejected(mut self, refused: bool) -> Self {
        self.unknown_host_is_not_found = refused;
        self
    }

    /// Sets whether paths are normalized before matching, and forwarded in that form: `/%762` and
    /// `/a/../v2` are `/v2`. The default is yes, as Istio configures Envoy.
    #[must_use]
    pub const fn with_normalized_paths(mut self, normalized: bool) -> Self {
        self.unnormalized = !normalized;
        self
    }

    /// Replaces the weights of a route: one weight for each destination, in their order.
    ///
    /// # Errors
    ///
    /// If there is no such route with destinations, if the number of weights is not that of its
    /// destinations, or if all weights are 0.
    pub fn with_weights(
        mut self,
        route: impl Into<RouteId>,
        weights: impl AsRef<[u32]>,
    ) -> Result<Self, WeightsError> {
        let id = route.into();
        let mut index = 0;
        for host in &mut self.hosts {
            for route in host.routes_mut() {
                if id.is(index, route) {
                    route.set_weights(weights.as_ref())?;
                    return Ok(self);
                }
                index += 1;
            }
        }
        Err(WeightsError::NoSuchRoute)
    }

    /// Returns all routes, those of each virtual host in the order in which the hosts were added.
    /// Their positions are the route indices of decisions.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.hosts.iter().flat_map(VirtualHost::routes)
    }

    /// Finds the virtual host of an authority, and the index of its first route.
    pub(super) fn find_host(&self, authority: &str) -> Option<(usize, &VirtualHost)> {
        let place = self.index.find(authority)?;
        // Route indices count over all virtual hosts, as in `routes`.
        let before = self.hosts[..place].iter().map(|host| host.routes().len());
        Some((before.sum(), &self.hosts[place]))
    }

    #[cfg(feature = "istio")]
    pub(super) fn set_ports(&mut self, ports: Option<Arc<[u16]>>) {
        self.ports = ports;
    }

    pub(super) fn ports(&self) -> Option<&[u16]> {
        self.ports.as_deref()
    }

    pub(super) const fn normalizes_paths(&self) -> bool {
        !self.unnormalized
    }

    pub(super) const fn rejects_unknown_hosts(&self) -> bool {
        self.unknown_host_is_not_found
    }
}

/// Reference to a route: its name, or its index in [`TrafficSplitPolicy::routes`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteId(Id);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Id {
    Index(usize),
    Name(Box<str>),
}

impl RouteId {
    pub(crate) fn is(&self, index: usize, route: &Route) -> bool {
        match &self.0 {
            Id::Index(wanted) => *wanted == index,
            Id::Name(name) => route.name() == Some(name),
        }
    }
}

impl From<&str> for RouteId {
    fn from(name: &str) -> Self {
        Self(Id::Name(name.into()))
    }
}

impl From<usize> for RouteId {
    fn from(index: usize) -> Self {
        Self(Id::Index(index))
    }
}
