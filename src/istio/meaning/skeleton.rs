//! The simplest that is true: what no document says.

use super::Settings;
use crate::istio::documents::Documents;

/// What is known.
#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: Settings,
}

impl World {
    pub(super) fn of(_: &Documents, settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
        }
    }
}

pub(super) mod destination {
    use super::World;
    use crate::concurrency_limit::ConcurrencyLimitPolicy;
    use crate::istio::plan::{DestinationPlan, EndpointsPlan, PoolPlan, RetriesPlan, Subject};
    use crate::load_balance::LoadBalancePolicy;
    use crate::outlier_detection::OutlierDetectionPolicy;
    use crate::traffic_split::Destination;

    pub(in super::super) fn destination(
        _: &World,
        _: &Subject,
        _: &Destination,
        _: Option<u16>,
    ) -> DestinationPlan {
        DestinationPlan {
            balance: LoadBalancePolicy::default(),
            endpoints: EndpointsPlan::ByName,
            limit: ConcurrencyLimitPolicy::off(),
            outlier: OutlierDetectionPolicy::off(),
            pool: PoolPlan::default(),
            retries: RetriesPlan::default(),
            tls: None,
        }
    }

    pub(in super::super) fn unnamed(
        _: &World,
        _: &Subject,
        _: &str,
        _: u16,
    ) -> Option<DestinationPlan> {
        None
    }
}

pub(super) mod outbound {
    use super::World;
    use crate::istio::plan::{OutboundPlan, Subject};

    pub(in super::super) fn outbound(world: &World, _: &Subject) -> OutboundPlan {
        OutboundPlan {
            unknown_refused: world.settings.registry_only,
            ..OutboundPlan::default()
        }
    }
}

pub(super) mod inbound {
    use super::World;
    use crate::istio::plan::{InboundPlan, Subject};

    pub(in super::super) fn inbound(_: &World, _: &Subject) -> InboundPlan {
        InboundPlan::default()
    }
}

pub(super) mod gateway {
    use super::World;
    use crate::istio::plan::GatewayPlan;

    pub(in super::super) fn gateway(_: &World, _: &str, _: &str) -> Option<GatewayPlan> {
        None
    }
}
