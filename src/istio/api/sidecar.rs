use super::destination_rule::ConnectionPool;
use super::gateway::ServerTls;
use super::http_route::Destination;
use super::workload::LabelSelector;
use crate::istio::api::fields::descriptor::declaration::required;
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{Nullable, Pick, Text, Texts, UInt};

message! {
    Sidecar {
        workload_selector: Option<LabelSelector>,
        ingress: Nullable<IngressListener>,
        egress: Nullable<EgressListener>,
        inbound_connection_pool: Option<ConnectionPool>,
        outbound_traffic_policy: Option<OutboundTrafficPolicy>,
    }

    IngressListener {
        port: Option<SidecarPort> => required("the listener has no port", "write `port`"),
        bind: Text,
        capture_mode: Pick<CaptureMode>,
        default_endpoint: Text,
        tls: Option<ServerTls>,
        connection_pool: Option<ConnectionPool>,
    }

    EgressListener {
        port: Option<SidecarPort>,
        bind: Text,
        capture_mode: Pick<CaptureMode>,
        hosts: Texts => required("the listener has no host", "write `hosts: [\"*/*\"]`"),
    }

    SidecarPort {
        number: UInt,
        protocol: Text,
        name: Text,
        target_port: UInt,
    }

    OutboundTrafficPolicy {
        mode: Pick<OutboundMode>,
        egress_proxy: Option<Destination>,
    }
}

choice! {
    CaptureMode {
        Default "DEFAULT",
        Iptables "IPTABLES",
        None "NONE",
    }

    OutboundMode {
        RegistryOnly "REGISTRY_ONLY",
        AllowAny "ALLOW_ANY",
    }
}
