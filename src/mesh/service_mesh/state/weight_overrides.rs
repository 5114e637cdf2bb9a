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
    /// Virtual host and route by one name each, however the code wrote them; none before it is set.
    pub(in crate::mesh) target: Option<Target>,
}

/// Route of a virtual host, by the first name of each and the index of a route without a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::mesh) struct Target {
    host: Box<str>,
    route: RouteId,
}

/// Result of an override that fits.
#[derive(Debug)]
pub(in crate::mesh) struct Applied {
    /// Weights before it.
    pub(in crate::mesh) before: Vec<u32>,
    pub(in crate::mesh) target: Target,
}

impl WeightOverride {
    /// Creates an override that is not set yet.
    pub(in crate::mesh) fn new(host: &str, route: RouteId, weights: &[u32]) -> Self {
        Self {
            documented: Vec::new(),
            host: host.into(),
            route,
            weights: weights.to_vec(),
            target: None,
        }
    }

    /// Sets the weights in a configuration, and returns the previous ones; `None` without such a host.
    pub(in crate::mesh) fn apply(
        &self,
        config: &mut OutboundConfig,
    ) -> Option<Result<Applied, WeightsError>> {
        let place = config.place_of(&self.host)?;
        let host = &mut config.hosts[place];
        Some(self.apply_to(Arc::make_mut(host)))
    }

    /// Returns the places of the host and the route in a configuration, if it has their weights in force.
    pub(in crate::mesh) fn place(&self, config: &OutboundConfig) -> Option<(usize, usize)> {
        let place = config.place_of(&self.host)?;
        let mut routes = config.hosts[place].routes.iter().enumerate();
        let (index, config) =
            routes.find(|(index, config)| self.route.is(*index, &config.route))?;
        let weights = config.route.destinations().iter();
        let is_in_force = weights
            .map(WeightedDestination::weight)
            .eq(self.weights.iter().copied());
        is_in_force.then_some((place, index))
    }

    fn apply_to(&self, host: &mut VirtualHostConfig) -> Result<Applied, WeightsError> {
        let first = host.names.first().map(ToString::to_string);
        let routes = host.routes.iter_mut().enumerate();
        let mut routes = routes.filter(|(place, config)| self.route.is(*place, &config.route));
        let (place, config) = routes.next().ok_or(WeightsError::NoSuchRoute)?;
        let weights = config
            .route
            .destinations()
            .iter()
            .map(WeightedDestination::weight);
        let before = weights.collect();
        config.route.set_weights(&self.weights)?;
        let name = config.route.name();
        let route = name.map_or_else(|| place.into(), RouteId::from);
        let host = first.unwrap_or_default().into();
        let target = Target { host, route };
        Ok(Applied { before, target })
    }

    fn apply_where_documented(&self, config: &mut OutboundConfig) {
        let mut changed = config.clone();
        if let Some(Ok(applied)) = self.apply(&mut changed)
            && applied.before == self.documented
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
