use std::sync::Arc;

use super::plans::Plans;
use crate::istio::plan::{
    DestinationPlan, GatewayPlan, HostPlan, InboundPlan, OutboundPlan, Subject,
};
use crate::traffic_split::{Destination, RouteId, WeightedDestination, WeightsError};

/// Plans with weights that were set by code.
#[derive(Debug)]
pub(super) struct Weighted {
    pub(super) inner: Arc<dyn Plans>,
    pub(super) moved: Vec<Moved>,
}

/// Weights that were set by code in place of documented ones, as long as those stay what they were.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    pub(super) documented: Vec<u32>,
    pub(super) host: Box<str>,
    pub(super) route: RouteId,
    pub(super) weights: Vec<u32>,
}

impl Moved {
    /// Sets the weights in a plan, and returns those that were there; `None` if it has no such host.
    pub(super) fn apply(&self, plan: &mut OutboundPlan) -> Option<Result<Vec<u32>, WeightsError>> {
        let fitting = plan.hosts.iter_mut().filter_map(|host| {
            let names = host.names.iter().filter(|name| name.matches(&self.host));
            let best = names.max_by(|one, two| one.specificity(two))?.clone();
            Some((best, host))
        });
        let (_, host) = fitting.max_by(|(one, _), (two, _)| one.specificity(two))?;
        Some(self.apply_to(Arc::make_mut(host)))
    }

    fn apply_to(&self, host: &mut HostPlan) -> Result<Vec<u32>, WeightsError> {
        let routes = host.routes.iter_mut().enumerate();
        let mut routes = routes.filter(|(place, plan)| self.route.is(*place, &plan.route));
        let (_, plan) = routes.next().ok_or(WeightsError::NoSuchRoute)?;
        let weights = plan
            .route
            .destinations()
            .iter()
            .map(WeightedDestination::weight);
        let before = weights.collect();
        plan.route.set_weights(&self.weights)?;
        Ok(before)
    }

    fn apply_where_documented(&self, plan: &mut OutboundPlan) {
        let mut changed = plan.clone();
        if let Some(Ok(before)) = self.apply(&mut changed)
            && before == self.documented
        {
            *plan = changed;
        }
    }
}

impl Plans for Weighted {
    fn outbound(&self, subject: &Subject) -> OutboundPlan {
        let mut plan = self.inner.outbound(subject);
        for moved in &self.moved {
            moved.apply_where_documented(&mut plan);
        }
        plan
    }

    fn destination(
        &self,
        subject: &Subject,
        destination: &Destination,
        request_port: Option<u16>,
    ) -> DestinationPlan {
        self.inner.destination(subject, destination, request_port)
    }

    fn unnamed(&self, subject: &Subject, host: &str, port: u16) -> Option<DestinationPlan> {
        self.inner.unnamed(subject, host, port)
    }

    fn inbound(&self, subject: &Subject) -> InboundPlan {
        self.inner.inbound(subject)
    }

    fn gateway(&self, name: &str, namespace: &str) -> Option<GatewayPlan> {
        let mut plan = self.inner.gateway(name, namespace)?;
        for moved in &self.moved {
            moved.apply_where_documented(&mut plan.outbound);
        }
        Some(plan)
    }
}
