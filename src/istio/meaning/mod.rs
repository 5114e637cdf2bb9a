//! What the documents mean for a workload: which of them hold for its requests, and what they say there.
//!
//! As Istio's control plane reads them (`pilot/pkg/networking/core`, `pilot/pkg/model`). Everything is decided
//! here that can be known before a request comes; nothing here runs, waits or fails.

mod action;
mod balance;
mod blocks;
mod destination;
mod endpoints;
mod entries;
mod envoy;
mod gateway;
mod headers;
mod held;
mod host_map;
mod http_match;
mod inbound;
pub(crate) mod limits;
mod merged_match;
mod merged_route;
mod outbound;
mod outlier;
mod pool;
mod route;
mod rules;
mod selector;
mod services;
mod settings;
mod world;

use std::sync::Arc;

use super::documents::Documents;
use super::plan::{DestinationPlan, GatewayPlan, InboundPlan, OutboundPlan, Subject};
use crate::traffic_split::Destination;
use world::World;

/// What a set of documents means.
///
/// A clone costs an atomic increment.
#[derive(Clone, Debug)]
pub(crate) struct Meaning(Arc<World>);

/// What Istio's mesh configuration would say.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The namespace of documents that name none. The default is `default`.
    pub(crate) default_namespace: Arc<str>,
    /// Where rules for the whole mesh are kept. The default is `istio-system`.
    pub(crate) root_namespace: Arc<str>,
    /// What the full names of services end in. The default is `cluster.local`.
    pub(crate) cluster_domain: Arc<str>,
    /// Whether hosts that no document names are refused: `REGISTRY_ONLY`. The default is `ALLOW_ANY`.
    pub(crate) registry_only: bool,
    /// Whether Envoy's answer counts where this crate chose another. The default is `false`.
    pub(crate) envoy_behaviour: bool,
}

impl Meaning {
    /// Reads what documents mean. Those with errors are left out.
    pub(crate) fn of(documents: &Documents, settings: &Settings) -> Self {
        Self(Arc::new(World::of(documents, settings)))
    }

    /// Returns what the sidecar of a workload would know of the hosts that it calls.
    pub(crate) fn outbound(&self, subject: &Subject) -> OutboundPlan {
        self.as_set(outbound::outbound(&self.0, subject))
    }

    /// Returns what stands between a workload and a destination, whose host is a full name.
    pub(crate) fn destination(
        &self,
        subject: &Subject,
        destination: &Destination,
        request_port: Option<u16>,
    ) -> DestinationPlan {
        destination::destination(&self.0, subject, destination, request_port)
    }

    /// Returns what is said of a host that no plan of [`outbound`](Self::outbound) names, if anything is.
    pub(crate) fn unnamed(
        &self,
        subject: &Subject,
        host: &str,
        port: u16,
    ) -> Option<DestinationPlan> {
        destination::unnamed(&self.0, subject, host, port)
    }

    /// Returns what becomes of the requests that a workload gets.
    pub(crate) fn inbound(&self, subject: &Subject) -> InboundPlan {
        inbound::inbound(&self.0, subject)
    }

    /// Returns what a gateway does, if there is one of that name.
    pub(crate) fn gateway(&self, name: &str, namespace: &str) -> Option<GatewayPlan> {
        let plan = gateway::gateway(&self.0, name, namespace)?;
        Some(GatewayPlan {
            outbound: self.as_set(plan.outbound),
            ..plan
        })
    }

    fn as_set(&self, plan: OutboundPlan) -> OutboundPlan {
        if self.0.settings.envoy_behaviour {
            envoy::outbound(plan)
        } else {
            plan
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_namespace: "default".into(),
            root_namespace: "istio-system".into(),
            cluster_domain: "cluster.local".into(),
            registry_only: false,
            envoy_behaviour: false,
        }
    }
}

#[cfg(test)]
mod tests;
