use crate::istio::api::fields::descriptor::declaration::{
    Declaration, ENFORCED, PORT, When, enforced, most, note, required,
};
use crate::istio::api::fields::message::message;
use crate::istio::api::fields::read::{Entries, Spanned, Text, Texts, UInt};

/// Effect of a property of an endpoint that no choice considers.
const ALIKE: Declaration = note("the endpoint is treated like the others");

const SERVICE_ACCOUNT: Declaration = if cfg!(feature = "mtls") {
    enforced("demanded of the server by mutual TLS with the certificates of the mesh")
} else {
    ALIKE
};

/// Says whether an address is a socket in the file system.
fn is_socket(address: &str) -> bool {
    address.starts_with("unix:")
}

message! {
    /// A `WorkloadEntry`, and an endpoint of a `ServiceEntry`.
    Workload {
        address: Text
            => enforced("except Unix domain sockets (`MSH0018`)").size(0, 256).warn_if(
                When::Text(is_socket),
                "the endpoint is left out: sockets in the file system are not connected to",
                "write an address and a port",
            ),
        ports: Entries<Spanned<u32>> => ENFORCED.size(0, 128).port(),
        labels: Entries<Spanned<String>> => most(256),
        network: Text => ALIKE.size(0, 2_048),
        locality: Text => ALIKE.size(0, 2_048),
        weight: UInt,
        service_account: Text => SERVICE_ACCOUNT.size(0, 253),
    }

    WorkloadGroup {
        metadata: Option<GroupMetadata>,
        template: Option<Workload> => required("the group has no template", "write `template`"),
        probe: Option<Probe>,
    }

    GroupMetadata {
        labels: Entries<Spanned<String>> => most(256),
        annotations: Entries<Spanned<String>> => most(256),
    }

    Probe {
        initial_delay_seconds: UInt,
        timeout_seconds: UInt,
        period_seconds: UInt,
        success_threshold: UInt,
        failure_threshold: UInt,
        http_get: Option<HttpGet>,
        tcp_socket: Option<TcpSocket>,
        exec: Option<Exec>,
        grpc: Option<GrpcProbe>,
    }

    HttpGet {
        path: Text,
        port: UInt => PORT.required("the probe has no port", "write `port`"),
        host: Text,
        scheme: Text,
        http_headers: Vec<ProbeHeader>,
    }

    TcpSocket {
        host: Text,
        port: UInt => PORT.required("the probe has no port", "write `port`"),
    }

    GrpcProbe {
        port: UInt => PORT,
        service: Text,
    }

    ProbeHeader {
        name: Text,
        value: Text,
    }

    Exec {
        command: Texts,
    }

    /// Selector of the networking kinds, whose field is called `labels`.
    LabelSelector {
        labels: Entries<Spanned<String>> => most(256),
    }
}
