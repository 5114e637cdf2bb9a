#[cfg(feature = "serde")]
mod config;

use crate::foundation::matching::HostPattern;
use crate::policies::traffic_split::Route;

/// Routes for a set of hosts; Envoy's virtual host.
#[derive(Clone, Debug)]
pub struct VirtualHost {
    patterns: Vec<HostPattern>,
    routes: Vec<Route>,
}

impl VirtualHost {
    /// Creates a virtual host for `patterns`, with routes in the order in which they are matched.
    #[must_use]
    pub fn new(
        patterns: impl IntoIterator<Item = HostPattern>,
        routes: impl IntoIterator<Item = Route>,
    ) -> Self {
        Self {
            patterns: patterns.into_iter().collect(),
            routes: routes.into_iter().collect(),
        }
    }

    /// Creates a virtual host for every host that no other pattern matches.
    #[must_use]
    pub fn any(routes: impl IntoIterator<Item = Route>) -> Self {
        Self::new([HostPattern::any()], routes)
    }

    /// Returns the routes.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    pub(in crate::policies::traffic_split) fn routes_mut(&mut self) -> &mut [Route] {
        &mut self.routes
    }

    pub(in crate::policies::traffic_split) fn patterns(&self) -> &[HostPattern] {
        &self.patterns
    }
}
