use crate::foundation::matching::HostPattern;
use crate::policies::traffic_split::Route;

/// Routes for the hosts that they are for.
#[derive(Clone, Debug)]
pub struct VirtualHost {
    patterns: Vec<HostPattern>,
    routes: Vec<Route>,
}

impl VirtualHost {
    /// Creates routes for the hosts of `patterns`, in the order in which they are tried.
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

    /// Creates routes for every host that no other pattern fits.
    #[must_use]
    pub fn any(routes: impl IntoIterator<Item = Route>) -> Self {
        Self::new([HostPattern::any()], routes)
    }

    /// The routes.
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
