use std::sync::Arc;

use super::plans::Plans;
use crate::base::host_index::HostIndex;
use crate::istio::plan::{GatewayPlan, HostPlan, LimitPlan, OutboundPlan, RoutePlan, ServerPlan};

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
}

impl LivePlan {
    pub(super) fn new(version: u64, plans: Arc<dyn Plans>, plan: GatewayPlan) -> Self {
        let hosts = plan.outbound.hosts.iter().enumerate();
        let index = HostIndex::of(hosts.flat_map(|(place, host)| {
            let names = host.names.iter();
            names.map(move |name| (place, name))
        }));
        Self {
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

    pub(super) fn routes(&self) -> impl Iterator<Item = &RoutePlan> {
        self.outbound.hosts.iter().flat_map(|host| &host.routes)
    }

    pub(super) fn limits(&self) -> impl Iterator<Item = &LimitPlan> {
        let outbound = &self.outbound.limits;
        let routes = self.routes().flat_map(|route| &route.limits);
        outbound.iter().chain(&self.inbound).chain(routes)
    }
}
