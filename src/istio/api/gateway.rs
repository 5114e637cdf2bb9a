use super::service_entry::ServicePort;
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{Entries, Flag, Nullable, Pick, Spanned, Text, Texts};

message! {
    Gateway {
        servers: Nullable<Server>,
        selector: Entries<Spanned<String>>,
    }

    Server {
        port: Option<ServicePort>,
        bind: Text,
        hosts: Texts,
        tls: Option<ServerTls>,
        default_endpoint: Text,
        name: Text,
    }

    ServerTls {
        https_redirect: Flag,
        mode: Pick<ServerTlsMode>,
        server_certificate: Text,
        private_key: Text,
        ca_certificates: Text,
        ca_crl: Text,
        credential_name: Text,
        credential_names: Texts,
        tls_certificates: Nullable<TlsCertificate>,
        ca_cert_credential_name: Text,
        subject_alt_names: Texts,
        verify_certificate_spki: Texts,
        verify_certificate_hash: Texts,
        min_protocol_version: Pick<TlsVersion>,
        max_protocol_version: Pick<TlsVersion>,
        cipher_suites: Texts,
        ecdh_curves: Texts,
        insecure_skip_verify: Flag,
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
