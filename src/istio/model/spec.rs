use super::kind::Kind;
use crate::istio::api::destination_rule::DestinationRule;
use crate::istio::api::envoy_filter::EnvoyFilter;
use crate::istio::api::fields::misplaced::Above;
use crate::istio::api::fields::read::{Read, Reader};
use crate::istio::api::gateway::Gateway;
use crate::istio::api::security::{AuthorizationPolicy, PeerAuthentication, RequestAuthentication};
use crate::istio::api::service_entry::ServiceEntry;
use crate::istio::api::sidecar::Sidecar;
use crate::istio::api::telemetry::Telemetry;
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::api::workload::{Workload, WorkloadGroup};
use crate::istio::syntax::tree::NodeId;

/// The typed content of `spec:`.
#[derive(Debug, PartialEq)]
pub(crate) enum Spec {
    AuthorizationPolicy(AuthorizationPolicy),
    DestinationRule(Box<DestinationRule>),
    EnvoyFilter(EnvoyFilter),
    Gateway(Gateway),
    PeerAuthentication(PeerAuthentication),
    RequestAuthentication(RequestAuthentication),
    ServiceEntry(ServiceEntry),
    Sidecar(Sidecar),
    Telemetry(Telemetry),
    VirtualService(VirtualService),
    WorkloadEntry(Workload),
    WorkloadGroup(WorkloadGroup),
}

impl Spec {
    /// Returns what an object of a kind has around its fields.
    pub(in crate::istio) const fn around(kind: Kind, at: NodeId) -> Above {
        match kind {
            Kind::AuthorizationPolicy => Above::of::<AuthorizationPolicy>(at),
            Kind::DestinationRule => Above::of::<DestinationRule>(at),
            Kind::EnvoyFilter => Above::of::<EnvoyFilter>(at),
            Kind::Gateway => Above::of::<Gateway>(at),
            Kind::PeerAuthentication => Above::of::<PeerAuthentication>(at),
            Kind::RequestAuthentication => Above::of::<RequestAuthentication>(at),
            Kind::ServiceEntry => Above::of::<ServiceEntry>(at),
            Kind::Sidecar => Above::of::<Sidecar>(at),
            Kind::Telemetry => Above::of::<Telemetry>(at),
            Kind::VirtualService => Above::of::<VirtualService>(at),
            Kind::WorkloadEntry => Above::of::<Workload>(at),
            Kind::WorkloadGroup => Above::of::<WorkloadGroup>(at),
        }
    }

    pub(in crate::istio) fn read(kind: Kind, at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            Kind::AuthorizationPolicy => Self::AuthorizationPolicy(Read::read(at, reader)?),
            Kind::DestinationRule => {
                Self::DestinationRule(Box::new(DestinationRule::read(at, reader)?))
            }
            Kind::EnvoyFilter => Self::EnvoyFilter(Read::read(at, reader)?),
            Kind::Gateway => Self::Gateway(Read::read(at, reader)?),
            Kind::PeerAuthentication => Self::PeerAuthentication(Read::read(at, reader)?),
            Kind::RequestAuthentication => Self::RequestAuthentication(Read::read(at, reader)?),
            Kind::ServiceEntry => Self::ServiceEntry(Read::read(at, reader)?),
            Kind::Sidecar => Self::Sidecar(Read::read(at, reader)?),
            Kind::Telemetry => Self::Telemetry(Read::read(at, reader)?),
            Kind::VirtualService => Self::VirtualService(Read::read(at, reader)?),
            Kind::WorkloadEntry => Self::WorkloadEntry(Read::read(at, reader)?),
            Kind::WorkloadGroup => Self::WorkloadGroup(Read::read(at, reader)?),
        })
    }
}
