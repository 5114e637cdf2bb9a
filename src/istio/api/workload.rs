use crate::istio::api::fields::message::message;
use crate::istio::api::fields::read::{Entries, Spanned, Text, Texts, UInt};

message! {
    /// A `WorkloadEntry`, and an endpoint of a `ServiceEntry`.
    Workload {
        address: Text,
        ports: Entries<Spanned<u32>>,
        labels: Entries<Spanned<String>>,
        network: Text,
        locality: Text,
        weight: UInt,
        service_account: Text,
    }

    WorkloadGroup {
        metadata: Option<GroupMetadata>,
        template: Option<Workload>,
        probe: Option<Probe>,
    }

    GroupMetadata {
        labels: Entries<Spanned<String>>,
        annotations: Entries<Spanned<String>>,
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
        port: UInt,
        host: Text,
        scheme: Text,
        http_headers: Vec<ProbeHeader>,
    }

    TcpSocket {
        host: Text,
        port: UInt,
    }

    GrpcProbe {
        port: UInt,
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
        labels: Entries<Spanned<String>>,
    }
}
