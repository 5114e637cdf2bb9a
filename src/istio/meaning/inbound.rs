use super::limits::{Direction, Scope};
use super::world::World;
use crate::istio::plan::{InboundPlan, Subject};

/// Returns what becomes of the requests that a workload gets.
pub(super) fn inbound(world: &World, subject: &Subject) -> InboundPlan {
    let scope = Scope {
        direction: Direction::Inbound,
        labels: &subject.labels,
        namespace: &subject.namespace,
    };
    InboundPlan {
        limits: scope.inbound(world),
    }
}
