use super::load_balancer::LoadBalancer;
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{
    Entries, Flag, Int, NodeRef, Nullable, Number, Pick, Spanned, Text, Texts, Time, UInt,
};

message! {
    DestinationRule {
        host: Text,
        traffic_policy: Option<TrafficPolicy>,
        subsets: Nullable<Subset>,
        export_to: Texts,
        workload_selector: Option<Selector>,
    }

    Subset {
        name: Text,
        labels: Entries<Spanned<String>>,
        traffic_policy: Option<TrafficPolicy>,
    }

    Selector {
        match_labels: Entries<Spanned<String>>,
    }

    TrafficPolicy {
        load_balancer: Option<LoadBalancer>,
        connection_pool: Option<ConnectionPool>,
        outlier_detection: Option<OutlierDetection>,
        tls: Option<ClientTls>,
        port_level_settings: Nullable<PortPolicy>,
        tunnel: Option<Tunnel>,
        proxy_protocol: Option<ProxyProtocol>,
        retry_budget: Option<RetryBudget>,
    }

    PortPolicy {
        port: Option<super::http_route::PortSelector>,
        load_balancer: Option<LoadBalancer>,
        connection_pool: Option<ConnectionPool>,
        outlier_detection: Option<OutlierDetection>,
        tls: Option<ClientTls>,
    }

    ConnectionPool {
        tcp: Option<TcpSettings>,
        http: Option<HttpSettings>,
    }

    TcpSettings {
        max_connections: Int,
        connect_timeout: Time,
        tcp_keepalive: Option<Keepalive>,
        max_connection_duration: Time,
        idle_timeout: Time,
    }

    Keepalive {
        probes: UInt,
        time: Time,
        interval: Time,
    }

    HttpSettings {
        http1_max_pending_requests: Int,
        http2_max_requests: Int,
        max_requests_per_connection: Int,
        max_retries: Int,
        idle_timeout: Time,
        h2_upgrade_policy: Pick<UpgradePolicy>,
        use_client_protocol: Flag,
        max_concurrent_streams: Int,
        http2_keep_alive: Option<Http2KeepAlive>,
    }

    Http2KeepAlive {
        interval: Time,
        timeout: Time,
    }

    OutlierDetection {
        consecutive_errors: Int,
        split_external_local_origin_errors: Flag,
        consecutive_local_origin_failures: UInt,
        consecutive_gateway_errors: UInt,
        consecutive_5xx_errors: UInt,
        interval: Time,
        base_ejection_time: Time,
        max_ejection_percent: Int,
        min_health_percent: Int,
        outlier_detection_http_error_codes: Option<NodeRef>,
    }

    ClientTls {
        mode: Pick<TlsMode>,
        client_certificate: Text,
        private_key: Text,
        ca_certificates: Text,
        credential_name: Text,
        subject_alt_names: Texts,
        sni: Text,
        insecure_skip_verify: Flag,
        ca_crl: Text,
    }

    Tunnel {
        protocol: Text,
        target_host: Text,
        target_port: UInt,
    }

    ProxyProtocol {
        version: Pick<ProxyVersion>,
    }

    RetryBudget {
        percent: Number,
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
