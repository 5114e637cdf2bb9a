//! Sources of the layers of a proxy: its workload and its direction.

use std::sync::Arc;

use super::role::Role;
use super::state::Proxy;
use crate::foundation::events::Emitter;
use crate::foundation::outcome::{Direction, Source, WorkloadMetadata};
use crate::istio::config::WorkloadId;

impl Proxy {
    /// Returns the source of what handles the requests that a workload sends, or that a gateway takes.
    pub(in crate::mesh) fn source(&self) -> Source {
        self.source_of(match self.role {
            Role::Gateway => Direction::Gateway,
            Role::Workload => Direction::Outbound,
        })
    }

    /// Returns the source of what handles the requests to a workload or a gateway.
    pub(in crate::mesh) fn inbound_source(&self) -> Source {
        inbound_source(self.role, &self.workload, &self.metadata)
    }

    /// Returns an emitter to the mesh's observer.
    pub(in crate::mesh) fn emitter(&self, source: Source) -> Emitter {
        Emitter::with_source(Arc::clone(&self.options.observe), source)
    }

    fn source_of(&self, direction: Direction) -> Source {
        source_of(&self.workload, &self.metadata, direction)
    }
}

/// Returns the source of what handles the requests to a workload or a gateway.
pub(super) fn inbound_source(
    role: Role,
    workload: &WorkloadId,
    metadata: &Arc<WorkloadMetadata>,
) -> Source {
    let direction = match role {
        Role::Gateway => Direction::Gateway,
        Role::Workload => Direction::Inbound,
    };
    source_of(workload, metadata, direction)
}

fn source_of(
    workload: &WorkloadId,
    metadata: &Arc<WorkloadMetadata>,
    direction: Direction,
) -> Source {
    let (name, namespace) = (&workload.name, &workload.namespace);
    Source::default()
        .with_direction(direction)
        .with_metadata(Arc::clone(metadata))
        .with_workload(Arc::clone(name), Arc::clone(namespace))
}
