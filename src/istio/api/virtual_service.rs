use super::http_route::{DESTINATION, Destination, HttpRoute, WEIGHT};
use crate::istio::api::fields::descriptor::declaration::{
    Declaration, PORT_OR_ZERO, required, warn,
};
use crate::istio::api::fields::message::message;
use crate::istio::api::fields::read::{Entries, Int, Nullable, Spanned, Text, Texts, UInt};

const OTHER_ROUTES: Declaration = warn(
    "only HTTP is supported",
    "use `http` routes, or route these connections another way",
);

const NOWHERE: Declaration = required(
    "the route leads nowhere",
    "write `route` with a destination",
);

message! {
    VirtualService {
        hosts: Texts,
        gateways: Texts,
        http: Nullable<HttpRoute>,
        tls: Nullable<TlsRoute> => OTHER_ROUTES,
        tcp: Nullable<TcpRoute> => OTHER_ROUTES,
        export_to: Texts,
    }

    TlsRoute {
        matches as "match": Nullable<TlsMatch>
            => required("a route of `tls` has no match", "write `match` with `sniHosts`"),
        route: Nullable<RouteDestination> => NOWHERE,
    }

    TlsMatch {
        sni_hosts: Texts => required("the match has no SNI host", "write the hosts that it is for"),
        destination_subnets: Texts,
        port: UInt => PORT_OR_ZERO,
        source_labels: Entries<Spanned<String>>,
        gateways: Texts,
        source_namespace: Text,
    }

    TcpRoute {
        matches as "match": Nullable<TcpMatch>,
        route: Nullable<RouteDestination> => NOWHERE,
    }

    TcpMatch {
        destination_subnets: Texts,
        port: UInt => PORT_OR_ZERO,
        source_subnet: Text,
        source_labels: Entries<Spanned<String>>,
        gateways: Texts,
        source_namespace: Text,
    }

    RouteDestination {
        destination: Option<Destination>
            => DESTINATION,
        weight: Int => WEIGHT,
    }
}
