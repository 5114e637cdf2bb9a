use crate::istio::api::fields::descriptor::declaration::{
    When, by, enforced, note, required, void,
};
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{Entries, Flag, Nullable, Pick, Spanned, Text, Texts, UInt};

const LISTENER: &str = "the application's listener decides about its address";

/// Says whether a protocol is none of HTTP.
fn is_connection(protocol: &str) -> bool {
    let others = ["MONGO", "MYSQL", "REDIS", "TCP", "TLS", "UDP"];
    others
        .iter()
        .any(|other| protocol.eq_ignore_ascii_case(other))
}

message! {
    Gateway {
        servers: Nullable<Server> => required("the gateway has no server", "write `servers`"),
        selector: Entries<Spanned<String>>
            => enforced("selects the EnvoyFilters; the gateway itself is found by its name"),
    }

    Server {
        port: Option<Port> => required("the server has no port", "write `port`"),
        bind: Text => note(LISTENER),
        hosts: Texts => required("the server has no host", "write `hosts`"),
        tls: Option<ServerTls>,
        default_endpoint: Text => note(LISTENER),
        name: Text => void("a name"),
    }

    Port {
        number: UInt,
        protocol: Text
            => enforced("HTTP, HTTP2, GRPC and HTTPS; `MSH0018` for others")
                .required("the port has no protocol", "write `protocol: HTTP`")
                .warn_if(
                    When::Text(is_connection),
                    "only HTTP is handled: the server takes no requests",
                    "let such connections in by other means",
                ),
        name: Text => void("a name").required("the port has no name", "write `name`"),
        target_port: UInt
            => void("").warns(
                "`targetPort` has no effect on a gateway",
                "it has no effect",
                "remove it",
            ),
    }

    ServerTls {
        https_redirect: Flag,
        mode: Pick<ServerTlsMode>
            => note("the listener in front of the stack has the certificates and the connections")
                .for_all("tls"),
        server_certificate: Text => by("mode"),
        private_key: Text => by("mode"),
        ca_certificates: Text => by("mode"),
        ca_crl: Text => by("mode"),
        credential_name: Text => by("mode"),
        credential_names: Texts => by("mode").size(1, 2),
        tls_certificates: Nullable<TlsCertificate> => by("mode").size(1, 2),
        ca_cert_credential_name: Text => by("mode"),
        subject_alt_names: Texts => by("mode"),
        verify_certificate_spki: Texts => by("mode"),
        verify_certificate_hash: Texts => by("mode"),
        min_protocol_version: Pick<TlsVersion> => by("mode"),
        max_protocol_version: Pick<TlsVersion> => by("mode"),
        cipher_suites: Texts => by("mode"),
        ecdh_curves: Texts => by("mode"),
        insecure_skip_verify: Flag => by("mode"),
    }

    TlsCertificate {
        server_certificate: Text,
        private_key: Text,
        ca_certificates: Text,
    }
}

choice! {
    ServerTlsMode {
        Passthrough "PASSTHROUGH",
        Simple "SIMPLE",
        Mutual "MUTUAL",
        AutoPassthrough "AUTO_PASSTHROUGH",
        IstioMutual "ISTIO_MUTUAL",
        OptionalMutual "OPTIONAL_MUTUAL",
    }

    TlsVersion {
        Auto "TLS_AUTO",
        V1_0 "TLSV1_0",
        V1_1 "TLSV1_1",
        V1_2 "TLSV1_2",
        V1_3 "TLSV1_3",
    }
}
