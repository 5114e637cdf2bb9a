use std::sync::Arc;

use super::plans::Plans;
use crate::base::RequestHead;
use crate::base::authority::authority;
use crate::base::dice::Dice;
use crate::base::host_index::HostIndex;
use crate::istio::plan::{GatewayPlan, HostPlan, LimitPlan, OutboundPlan, RoutePlan, ServerPlan};
use crate::traffic_split::{OnResponse, Place, find_first, local_reply};

/// One version of what a proxy does, ready to be asked.
#[derive(Debug)]
pub(super) struct LivePlan {
    pub(super) version: u64,
    pub(super) plans: Arc<dyn Plans>,
    pub(super) outbound: OutboundPlan,
    pub(super) inbound: Vec<LimitPlan>,
    /// Of a gateway: who is let in.
    pub(super) servers: Vec<ServerPlan>,
    pub(super) index: HostIndex,
    /// Whether some route has limits in place of those of all that comes in.
    replaces_inbound: bool,
}

impl LivePlan {
    pub(super) fn new(version: u64, plans: Arc<dyn Plans>, plan: GatewayPlan) -> Self {
        let hosts = plan.outbound.hosts.iter().enumerate();
        let index = HostIndex::of(hosts.flat_map(|(place, host)| {
            let names = host.names.iter();
            names.map(move |name| (place, name))
        }));
        let routes = plan.outbound.hosts.iter().flat_map(|host| &host.routes);
        let replaces = routes.into_iter().any(|route| route.limits_replace);
        Self {
            replaces_inbound: replaces && !plan.inbound.limits.is_empty(),
            version,
            plans,
            outbound: plan.outbound,
            inbound: plan.inbound.limits,
            servers: plan.servers,
            index,
        }
    }

    pub(super) fn find(&self, authority: &str) -> Option<(usize, &Arc<HostPlan>)> {
        let place = self.index.find(authority)?;
        Some((place, &self.outbound.hosts[place]))
    }

    /// Says that a request to a gateway takes a route whose own limits stand in place of those of all
    /// that comes in at `port`.
    pub(super) fn has_own_limits(&self, head: RequestHead<'_>, port: Option<u16>) -> bool {
        if !self.replaces_inbound {
            return false;
        }
        let route = self.route(head).map(|(_, route)| route);
        let is_here =
            |limit: &LimitPlan| limit.port.is_none() || port.is_none() || limit.port == port;
        // Without a bucket they say that nothing is limited.
        route.is_some_and(|route| {
            let limits = &route.limits;
            route.limits_replace && (limits.is_empty() || limits.iter().any(is_here))
        })
    }

    /// Returns what the route that a request takes does to the headers of an answer that is given before
    /// it is gone through.
    #[cold]
    pub(super) fn on_local_reply(&self, head: RequestHead<'_>) -> Option<OnResponse> {
        let (place, plan) = self.route(head)?;
        local_reply(&plan.route, place, head, || Dice::default().roll())
    }

    fn route(&self, head: RequestHead<'_>) -> Option<(Place, &RoutePlan)> {
        let (_, host) = self.find(authority(&head))?;
        let place = find_first(host.routes.iter().map(|plan| &plan.route), head)?;
        Some((place, host.routes.get(place.route)?))
    }

    pub(super) fn routes(&self) -> impl Iterator<Item = &RoutePlan> {
        self.outbound.hosts.iter().flat_map(|host| &host.routes)
    }

    pub(super) fn limits(&self) -> impl Iterator<Item = &LimitPlan> {
        let outbound = &self.outbound.limits;
        let routes = self.routes().flat_map(|route| &route.limits);
        outbound.iter().chain(&self.inbound).chain(routes)
    }
}
