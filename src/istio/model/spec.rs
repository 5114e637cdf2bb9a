use super::kind::Kind;
use crate::istio::api::destination_rule::DestinationRule;
use crate::istio::api::envoy_filter::EnvoyFilter;
use crate::istio::api::fields::descriptor::TypeDescriptor;
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

macro_rules! specs {
    ($($kind:ident($spec:ty),)*) => {
        /// The typed content of `spec:`.
        #[derive(Debug, PartialEq)]
        pub(crate) enum Spec {
            $($kind($spec),)*
        }

        impl Spec {
            /// Returns the descriptor of a kind's spec.
            pub(in crate::istio) const fn descriptor(kind: Kind) -> &'static TypeDescriptor {
                match kind {
                    $(Kind::$kind => <$spec as Read>::TYPE,)*
                }
            }

            /// Returns what an object of a kind has around its fields.
            pub(in crate::istio) const fn around(kind: Kind, at: NodeId) -> Above {
                match kind {
                    $(Kind::$kind => Above::of::<$spec>(at),)*
                }
            }

            pub(in crate::istio) fn read(
                kind: Kind,
                at: NodeId,
                reader: &mut Reader<'_>,
            ) -> Option<Self> {
                Some(match kind {
                    $(Kind::$kind => Self::$kind(Read::read(at, reader)?),)*
                })
            }
        }
    };
}

specs! {
    AuthorizationPolicy(AuthorizationPolicy),
    DestinationRule(Box<DestinationRule>),
    EnvoyFilter(EnvoyFilter),
    Gateway(Gateway),
    PeerAuthentication(PeerAuthentication),
    RequestAuthentication(RequestAuthentication),
    ServiceEntry(ServiceEntry),
    Sidecar(Box<Sidecar>),
    Telemetry(Telemetry),
    VirtualService(VirtualService),
    WorkloadEntry(Box<Workload>),
    WorkloadGroup(Box<WorkloadGroup>),
}
