use std::sync::Arc;

use super::{Route, VirtualHost, WeightsError};
use crate::foundation::matching::host_index::HostIndex;

/// Which requests go where.
///
/// Routes stand under the hosts that they are for; the most specific host holds, and in it the first
/// route that matches. The default is [`TrafficSplitPolicy::off`].
#[derive(Clone, Debug, Default)]
pub struct TrafficSplitPolicy {
    hosts: Vec<VirtualHost>,
    index: HostIndex,
    /// The ports of the listener, which count in place of the one that a request names.
    ports: Option<Arc<[u16]>>,
    unknown_host_is_not_found: bool,
    unnormalized: bool,
}

impl TrafficSplitPolicy {
    /// Creates a policy of routes for every host, in the order in which they are tried.
    #[must_use]
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        Self::off().with_host(VirtualHost::any(routes))
    }

    /// A policy that leaves every request alone.
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

    /// Adds routes for some hosts.
    #[must_use]
    pub fn with_host(mut self, host: VirtualHost) -> Self {
        self.hosts.push(host);
        let hosts = self.hosts.iter().enumerate();
        self.index = HostIndex::of(hosts.flat_map(|(place, host)| {
            let patterns = host.patterns().iter();
            patterns.map(move |pattern| (place, pattern))
        }));
        self
    }

    /// Sets whether a request to a host that the policy does not know is answered with 404. By
    /// default it goes on as it came, as under Istio's `ALLOW_ANY`.
    ///
    /// A request to a host that it knows, and that no route matches, always gets 404.
    #[must_use]
    pub const fn with_unknown_hosts_rejected(mut self, refused: bool) -> Self {
        self.unknown_host_is_not_found = refused;
        self
    }

    /// Sets whether `/%762` and `/a/../v2` are taken for `/v2`, which is then also what goes on. The
    /// default is to do so, as Istio has Envoy do.
    #[must_use]
    pub const fn with_normalized_paths(mut self, normalized: bool) -> Self {
        self.unnormalized = !normalized;
        self
    }

    /// Replaces the weights of a route, one for each of its destinations and in their order.
    ///
    /// # Errors
    ///
    /// If there is no such route with destinations, if there are more or fewer weights than it has
    /// destinations, or if all are 0.
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

    /// All routes, those of each host in the order in which hosts were added. Their places here are
    /// the indices that decisions tell.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.hosts.iter().flat_map(VirtualHost::routes)
    }

    /// Finds the routes for an authority, and the index of the first of them.
    pub(super) fn find_host(&self, authority: &str) -> Option<(usize, &VirtualHost)> {
        let place = self.index.find(authority)?;
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

/// Says which route is meant: by its name, or by its place in [`TrafficSplitPolicy::routes`].
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
