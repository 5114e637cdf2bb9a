use super::kind::Kind;
use super::kinds::destination_rule::DestinationRule;
use super::kinds::envoy_filter::EnvoyFilter;
use super::kinds::gateway::Gateway;
use super::kinds::security::{AuthorizationPolicy, PeerAuthentication, RequestAuthentication};
use super::kinds::service_entry::ServiceEntry;
use super::kinds::sidecar::Sidecar;
use super::kinds::telemetry::Telemetry;
use super::kinds::virtual_service::VirtualService;
use super::kinds::workload::{Workload, WorkloadGroup};
use super::misplaced::Above;
use super::read::{Read, Reader};
use super::tree::NodeId;

/// What stands at `spec:`.
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
    pub(super) const fn around(kind: Kind, at: NodeId) -> Above {
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

    pub(super) fn read(kind: Kind, at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
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
