use crate::policies::canary::CanaryPolicy;
use crate::policies::traffic_split::RouteId;

/// Release of a new version of a service: its host, the subset of the new version, and the policy of its rollout.
///
/// The documents have both versions, as destinations of one route of the host (a weight of 0 will do).
#[derive(Clone, Debug)]
pub struct CanaryRelease {
    pub(super) host: Box<str>,
    pub(super) policy: CanaryPolicy,
    pub(super) route: Option<RouteId>,
    pub(super) subset: Box<str>,
}

impl CanaryRelease {
    /// Creates the release of `subset` of `host` under a policy, on the first route that splits its requests between the
    /// subset and another destination.
    #[must_use]
    pub fn new(
        host: impl Into<Box<str>>,
        subset: impl Into<Box<str>>,
        policy: CanaryPolicy,
    ) -> Self {
        Self {
            host: host.into(),
            policy,
            route: None,
            subset: subset.into(),
        }
    }

    /// Sets the route, by its name or by its index, from 0, among the host's routes.
    #[must_use]
    pub fn with_route(mut self, route: impl Into<RouteId>) -> Self {
        self.route = Some(route.into());
        self
    }
}
