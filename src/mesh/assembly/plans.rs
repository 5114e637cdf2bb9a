use std::fmt::Debug;

use crate::istio::meaning::Meaning;
use crate::istio::plan::{DestinationPlan, GatewayPlan, InboundPlan, OutboundPlan, Subject};
use crate::traffic_split::Destination;

/// Where plans come from: the documents, or whatever a test says.
pub(super) trait Plans: Debug + Send + Sync {
    fn outbound(&self, subject: &Subject) -> OutboundPlan;
    fn destination(
        &self,
        subject: &Subject,
        destination: &Destination,
        request_port: Option<u16>,
    ) -> DestinationPlan;
    fn unnamed(&self, subject: &Subject, host: &str, port: u16) -> Option<DestinationPlan>;
    fn inbound(&self, subject: &Subject) -> InboundPlan;
    fn gateway(&self, name: &str, namespace: &str) -> Option<GatewayPlan>;
}

impl Plans for Meaning {
    fn outbound(&self, subject: &Subject) -> OutboundPlan {
        self.outbound(subject)
    }

    fn destination(
        &self,
        subject: &Subject,
        destination: &Destination,
        request_port: Option<u16>,
    ) -> DestinationPlan {
        self.destination(subject, destination, request_port)
    }

    fn unnamed(&self, subject: &Subject, host: &str, port: u16) -> Option<DestinationPlan> {
        self.unnamed(subject, host, port)
    }

    fn inbound(&self, subject: &Subject) -> InboundPlan {
        self.inbound(subject)
    }

    fn gateway(&self, name: &str, namespace: &str) -> Option<GatewayPlan> {
        self.gateway(name, namespace)
    }
}
