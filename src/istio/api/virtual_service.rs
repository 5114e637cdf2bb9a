use super::http_route::{Destination, HttpRoute};
use crate::istio::api::fields::message::message;
use crate::istio::api::fields::read::{Entries, Int, Nullable, Spanned, Text, Texts, UInt};

message! {
    VirtualService {
        hosts: Texts,
        gateways: Texts,
        http: Nullable<HttpRoute>,
        tls: Nullable<TlsRoute>,
        tcp: Nullable<TcpRoute>,
        export_to: Texts,
    }

    TlsRoute {
        matches as "match": Nullable<TlsMatch>,
        route: Nullable<RouteDestination>,
    }

    TlsMatch {
        sni_hosts: Texts,
        destination_subnets: Texts,
        port: UInt,
        source_labels: Entries<Spanned<String>>,
        gateways: Texts,
        source_namespace: Text,
    }

    TcpRoute {
        matches as "match": Nullable<TcpMatch>,
        route: Nullable<RouteDestination>,
    }

    TcpMatch {
        destination_subnets: Texts,
        port: UInt,
        source_subnet: Text,
        source_labels: Entries<Spanned<String>>,
        gateways: Texts,
        source_namespace: Text,
    }

    RouteDestination {
        destination: Option<Destination>,
        weight: Int,
    }
}
