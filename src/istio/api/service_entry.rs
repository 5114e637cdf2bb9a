use super::workload::{LabelSelector, Workload};
use crate::istio::api::fields::descriptor::declaration::{
    Declaration, PORT, enforced, most, note, required, warn,
};
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{Nullable, Pick, Text, Texts, UInt};

const SUBJECT_ALT_NAMES: Declaration = if cfg!(feature = "mtls") {
    enforced("by TLS of a destination rule that has none of its own")
} else {
    warn(
        "the client's configuration decides about verification of the server",
        "configure the client so",
    )
};

message! {
    ServiceEntry {
        hosts: Texts => required("the service entry has no host", "write `hosts`").size(1, 256),
        addresses: Texts => note("callers use the service's name").size(0, 256).max_item(64),
        ports: Nullable<ServicePort> => most(256),
        location: Pick<Location> => enforced("headers that only services of the mesh are to see"),
        resolution: Pick<Resolution>,
        endpoints: Nullable<Workload> => most(4_096),
        workload_selector: Option<LabelSelector> => warn(
            "workloads are unknown: requests go to the host's DNS addresses",
            "write the workloads' addresses below `endpoints`",
        ),
        export_to: Texts,
        subject_alt_names: Texts => SUBJECT_ALT_NAMES,
    }

    ServicePort {
        number: UInt => PORT.required("the port has no number", "write `number`"),
        protocol: Text => most(256),
        name: Text => required("the port has no name", "write `name`").size(0, 256),
        target_port: UInt => PORT,
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
