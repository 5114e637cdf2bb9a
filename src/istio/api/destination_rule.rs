use super::load_balancer::LoadBalancer;
use crate::istio::api::fields::descriptor::declaration::{
    Declaration, ENFORCED, NOT_NEGATIVE, PERCENT, PORT, TIME, When, by, enforced, most, note,
    required, warn,
};
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{
    Entries, Flag, Int, Nullable, Number, Pick, Spanned, Text, Texts, Time, UInt,
};

/// Remark for settings of connections, which Istio's proxies open themselves.
const POOLED: Declaration =
    enforced("by the connections of `Workload::client` and of a gateway's own client");
const CLIENT: &str = "the client opens connections with its own settings";
const CONFIGURE: &str = "configure the client accordingly";
const VERIFICATION: Declaration = warn(
    "the client's configuration decides about verification of the server",
    CONFIGURE,
);
const VERIFIED: Declaration = if cfg!(feature = "mtls") {
    POOLED
} else {
    VERIFICATION
};
const CA_CERTIFICATES: Declaration = if cfg!(feature = "mtls") {
    POOLED
} else {
    VERIFICATION.when(When::Not("system"))
};
const CLIENT_CERTIFICATE: Declaration = if cfg!(feature = "mtls") {
    POOLED
} else {
    by("mode")
};
const TLS_MODE: Declaration = if cfg!(feature = "mtls") {
    enforced(
        "by the connections of `Workload::client` and of a gateway's own client; `ISTIO_MUTUAL` with \
         `MeshBuilder::with_certificates`, and `MSH0018` without",
    )
} else {
    enforced("`SIMPLE` and `DISABLE`; `MSH0018` for `MUTUAL` and `ISTIO_MUTUAL`").warn_for_all_if(
        When::Is(&["MUTUAL", "ISTIO_MUTUAL"]),
        "requests go out as they are called, `http://` in plain text: neither side proves who it is",
        "give the client its certificate, and call the host by `https://`",
    )
};
const KEEP_ALIVE: Declaration = TIME.required(
    "the keep-alive is incomplete",
    "write both `interval` and `timeout`",
);

message! {
    DestinationRule {
        host: Text => required("the destination rule has no host", "write `host`"),
        traffic_policy: Option<Box<TrafficPolicy>>,
        subsets: Nullable<Subset>,
        export_to: Texts,
        workload_selector: Option<Selector>,
    }

    Subset {
        name: Text,
        labels: Entries<Spanned<String>>
            => enforced("by the labels of a ServiceEntry's endpoints; `MSH0018` without one"),
        traffic_policy: Option<Box<TrafficPolicy>>,
    }

    Selector {
        match_labels: Entries<Spanned<String>> => most(4_096),
    }

    TrafficPolicy {
        load_balancer: Option<Box<LoadBalancer>>,
        connection_pool: Option<Box<ConnectionPool>>,
        outlier_detection: Option<Box<OutlierDetection>>,
        tls: Option<Box<ClientTls>>,
        port_level_settings: Nullable<PortPolicy> => most(4_096),
        tunnel: Option<Box<Tunnel>> => warn(CLIENT, CONFIGURE),
        proxy_protocol: Option<ProxyProtocol> => warn(CLIENT, CONFIGURE),
        retry_budget: Option<RetryBudget>,
    }

    PortPolicy {
        port: Option<super::http_route::PortSelector>
            => required("the settings are for no port", "write `port: {number: …}`"),
        load_balancer: Option<Box<LoadBalancer>>,
        connection_pool: Option<Box<ConnectionPool>>,
        outlier_detection: Option<Box<OutlierDetection>>,
        tls: Option<Box<ClientTls>>,
    }

    ConnectionPool {
        tcp: Option<Box<TcpSettings>>,
        http: Option<Box<HttpSettings>>,
    }

    TcpSettings {
        max_connections: Int => POOLED.not_negative(),
        connect_timeout: Time => POOLED.time(),
        tcp_keepalive: Option<Keepalive> => warn(CLIENT, CONFIGURE),
        max_connection_duration: Time => POOLED.time(),
        idle_timeout: Time => POOLED.time_or_zero(),
    }

    Keepalive {
        probes: UInt,
        time: Time => TIME,
        interval: Time => TIME,
    }

    HttpSettings {
        http1_max_pending_requests: Int => POOLED.not_negative(),
        http2_max_requests: Int => enforced("for every HTTP version").not_negative(),
        max_requests_per_connection: Int => POOLED.not_negative(),
        max_retries: Int => NOT_NEGATIVE,
        idle_timeout: Time => POOLED.time(),
        h2_upgrade_policy: Pick<UpgradePolicy> => POOLED,
        use_client_protocol: Flag => note(CLIENT),
        max_concurrent_streams: Int => note(CLIENT).not_negative(),
        http2_keep_alive: Option<Http2KeepAlive> => POOLED,
    }

    Http2KeepAlive {
        interval: Time => KEEP_ALIVE,
        timeout: Time => KEEP_ALIVE,
    }

    OutlierDetection {
        consecutive_errors: Int
            => enforced("deprecated (`IST0133`); read as `consecutive5xxErrors`"),
        split_external_local_origin_errors: Flag,
        consecutive_local_origin_failures: UInt,
        consecutive_gateway_errors: UInt,
        consecutive_5xx_errors: UInt,
        interval: Time => TIME,
        base_ejection_time: Time => TIME,
        max_ejection_percent: Int => enforced(
            "one endpoint may always be ejected; `MSH0013` if Envoy would eject none",
        ).percent(),
        min_health_percent: Int => PERCENT,
        outlier_detection_http_error_codes: Vec<Spanned<u32>>
            => ENFORCED.range(100.0, 599.0, "this is no status of HTTP", "write 100 to 599"),
    }

    ClientTls {
        mode: Pick<TlsMode> => TLS_MODE,
        client_certificate: Text => CLIENT_CERTIFICATE,
        private_key: Text => CLIENT_CERTIFICATE,
        ca_certificates: Text => CA_CERTIFICATES,
        credential_name: Text => VERIFICATION,
        subject_alt_names: Texts => VERIFIED,
        sni: Text,
        insecure_skip_verify: Flag => VERIFIED,
        ca_crl: Text => VERIFICATION,
    }

    Tunnel {
        protocol: Text,
        target_host: Text,
        target_port: UInt => PORT.required("the tunnel has no port", "write `targetPort`"),
    }

    ProxyProtocol {
        version: Pick<ProxyVersion>,
    }

    RetryBudget {
        percent: Number => PERCENT,
        min_retry_concurrency: UInt,
        budget_interval: Time,
    }
}

choice! {
    UpgradePolicy {
        Default "DEFAULT",
        DoNotUpgrade "DO_NOT_UPGRADE",
        Upgrade "UPGRADE",
    }

    TlsMode {
        Disable "DISABLE",
        Simple "SIMPLE",
        Mutual "MUTUAL",
        IstioMutual "ISTIO_MUTUAL",
    }

    ProxyVersion {
        V1 "V1",
        V2 "V2",
    }
}
