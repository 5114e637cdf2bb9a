use super::workload::{LabelSelector, Workload};
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{Nullable, Pick, Text, Texts, UInt};

message! {
    ServiceEntry {
        hosts: Texts,
        addresses: Texts,
        ports: Nullable<ServicePort>,
        location: Pick<Location>,
        resolution: Pick<Resolution>,
        endpoints: Nullable<Workload>,
        workload_selector: Option<LabelSelector>,
        export_to: Texts,
        subject_alt_names: Texts,
    }

    ServicePort {
        number: UInt,
        protocol: Text,
        name: Text,
        target_port: UInt,
    }
}

choice! {
    Location {
        External "MESH_EXTERNAL",
        Internal "MESH_INTERNAL",
    }

    Resolution {
        None "NONE",
        Static "STATIC",
        Dns "DNS",
        DnsRoundRobin "DNS_ROUND_ROBIN",
        DynamicDns "DYNAMIC_DNS",
    }
}
