use std::sync::Arc;

use crate::istio::config::{
    ClusterConfig, ConfigScope, GatewayConfig, InboundConfig, OutboundConfig, VirtualHostConfig,
    WorkloadId,
};
use crate::mesh::service_mesh::proxy::config::config_source::ConfigSource;
use crate::policies::traffic_split::{Destination, RouteId, WeightedDestination, WeightsError};

/// Configuration source with weights that code has set.
#[derive(Debug)]
pub(in crate::mesh) struct WithWeightOverrides {
    pub(in crate::mesh) inner: Arc<dyn ConfigSource>,
    pub(in crate::mesh) overrides: Vec<WeightOverride>,
}

/// Weights that code has set in place of documented ones, valid as long as the documents keep those.
#[derive(Clone, Debug)]
pub(in crate::mesh) struct WeightOverride {
    pub(in crate::mesh) documented: Vec<u32>,
    pub(in crate::mesh) host: Box<str>,
    pub(in crate::mesh) route: RouteId,
    pub(in crate::mesh) weights: Vec<u32>,
}

impl WeightOverride {
    /// Sets the weights in a configuration, and returns the previous ones; `None` without such a host.
    pub(in crate::mesh) fn apply(
        &self,
        config: &mut OutboundConfig,
    ) -> Option<Result<Vec<u32>, WeightsError>> {
        let fitting = config.hosts.iter_mut().filter_map(|host| {
            let names = host.names.iter().filter(|name| name.matches(&self.host));
            let best = names.max_by(|one, two| one.specificity(two))?.clone();
            Some((best, host))
        });
        // The most specific name wins, as in the lookup of requests.
        let (_, host) = fitting.max_by(|(one, _), (two, _)| one.specificity(two))?;
        Some(self.apply_to(Arc::make_mut(host)))
    }

    /// Returns the places of the host and the route in a configuration, if it has their weights in force.
    pub(in crate::mesh) fn place(&self, config: &OutboundConfig) -> Option<(usize, usize)> {
        let hosts = config.hosts.iter().enumerate();
        let fitting = hosts.filter_map(|(place, host)| {
            let names = host.names.iter().filter(|name| name.matches(&self.host));
            let best = names.max_by(|one, two| one.specificity(two))?;
            Some((best, place, host))
        });
        let (_, place, host) = fitting.max_by(|(one, ..), (two, ..)| one.specificity(two))?;
        let mut routes = host.routes.iter().enumerate();
        let (index, config) =
            routes.find(|(index, config)| self.route.is(*index, &config.route))?;
        let weights = config.route.destinations().iter();
        let is_in_force = weights
            .map(WeightedDestination::weight)
            .eq(self.weights.iter().copied());
        is_in_force.then_some((place, index))
    }

    fn apply_to(&self, host: &mut VirtualHostConfig) -> Result<Vec<u32>, WeightsError> {
        let routes = host.routes.iter_mut().enumerate();
        let mut routes = routes.filter(|(place, config)| self.route.is(*place, &config.route));
        let (_, config) = routes.next().ok_or(WeightsError::NoSuchRoute)?;
        let weights = config
            .route
            .destinations()
            .iter()
            .map(WeightedDestination::weight);
        let before = weights.collect();
        config.route.set_weights(&self.weights)?;
        Ok(before)
    }

    fn apply_where_documented(&self, config: &mut OutboundConfig) {
        let mut changed = config.clone();
        if let Some(Ok(before)) = self.apply(&mut changed)
            && before == self.documented
        {
            *config = changed;
        }
    }
}

impl ConfigSource for WithWeightOverrides {
    fn outbound(&self, workload: &WorkloadId) -> OutboundConfig {
        let mut config = self.inner.outbound(workload);
        for overrides in &self.overrides {
            overrides.apply_where_documented(&mut config);
        }
        config
    }

    fn scope(&self, workload: &WorkloadId) -> Option<ConfigScope> {
        self.inner.scope(workload)
    }

    fn destination(
        &self,
        workload: &WorkloadId,
        destination: &Destination,
        request_port: Option<u16>,
    ) -> ClusterConfig {
        self.inner.destination(workload, destination, request_port)
    }

    fn unnamed(&self, workload: &WorkloadId, host: &str, port: u16) -> Option<ClusterConfig> {
        self.inner.unnamed(workload, host, port)
    }

    fn inbound(&self, workload: &WorkloadId) -> InboundConfig {
        self.inner.inbound(workload)
    }

    fn gateway(&self, name: &str, namespace: &str) -> Option<GatewayConfig> {
        let mut config = self.inner.gateway(name, namespace)?;
        for overrides in &self.overrides {
            overrides.apply_where_documented(&mut config.outbound);
        }
        Some(config)
    }
}
