use super::CoverageReport;
use crate::istio::api::destination_rule::{
    ClientTls, ConnectionPool, DestinationRule, OutlierDetection, TlsMode,
};
use crate::istio::api::fields::read::Text;
use crate::istio::api::load_balancer::LoadBalancer;
use crate::istio::syntax::tree::NodeId;

/// Remark for settings of connections, which belong to the client.
const CLIENT: &str = "the client opens connections with its own settings";
const CONFIGURE: &str = "configure the client accordingly";

pub(super) fn destination_rule(rule: &DestinationRule, idle: &mut CoverageReport<'_>) {
    let subsets = rule.subsets.0.iter().flatten();
    let of_subsets = subsets.filter_map(|subset| subset.traffic_policy.as_ref());
    for policy in rule.traffic_policy.iter().chain(of_subsets) {
        load_balancer(policy.load_balancer.as_ref(), idle);
        connection_pool(policy.connection_pool.as_ref(), idle);
        outlier(policy.outlier_detection.as_ref(), idle);
        tls(policy.tls.as_ref(), idle);
        for port in policy.port_level_settings.0.iter().flatten() {
            load_balancer(port.load_balancer.as_ref(), idle);
            connection_pool(port.connection_pool.as_ref(), idle);
            outlier(port.outlier_detection.as_ref(), idle);
            tls(port.tls.as_ref(), idle);
        }
        let budget = policy.retry_budget.as_ref();
        if let Some(interval) = budget.and_then(|budget| budget.budget_interval) {
            let effect = "requests count for the budget while they run";
            idle.note(interval.at, "budgetInterval", effect);
        }
        let rest = [
            ("tunnel", policy.tunnel.as_ref().map(|tunnel| tunnel.at)),
            (
                "proxyProtocol",
                policy.proxy_protocol.as_ref().map(|proxy| proxy.at),
            ),
        ];
        for (name, at) in rest {
            if let Some(at) = at {
                idle.warn(at, name, CLIENT, CONFIGURE);
            }
        }
    }
}

fn load_balancer(balancer: Option<&LoadBalancer>, idle: &mut CoverageReport<'_>) {
    let Some(balancer) = balancer else { return };
    let effect = "endpoints have no localities: all have the same priority";
    let help = "name the endpoints of this place only, or give them weights";
    if let Some(locality) = &balancer.locality_lb_setting {
        idle.warn(locality.at, "localityLbSetting", effect, help);
    }
    if let Some(zone) = &balancer.zone_aware_lb_setting {
        idle.warn(zone.at, "zoneAwareLbSetting", effect, help);
    }
    if let Some(backend) = &balancer.backend_utilization {
        let effect =
            "endpoints are chosen as under LEAST_REQUEST: no endpoint reports its utilization";
        let help = "write `simple: LEAST_REQUEST`";
        idle.warn(backend.at, "backendUtilization", effect, help);
    }
    let hash = balancer.consistent_hash.as_ref();
    if let Some(maglev) = hash.and_then(|hash| hash.maglev.as_ref()) {
        let effect =
            "a ring of hashes chooses: keys stay as well, and go to other endpoints than Envoy's";
        idle.note(maglev.at, "maglev", effect);
    }
}

fn connection_pool(pool: Option<&ConnectionPool>, idle: &mut CoverageReport<'_>) {
    let Some(pool) = pool else { return };
    if let Some(keepalive) = pool.tcp.as_ref().and_then(|tcp| tcp.tcp_keepalive.as_ref()) {
        idle.warn(keepalive.at, "tcpKeepalive", CLIENT, CONFIGURE);
    }
    let Some(http) = &pool.http else { return };
    let fields: [(&str, Option<NodeId>); 3] = [
        (
            "useClientProtocol",
            http.use_client_protocol.map(|flag| flag.at),
        ),
        (
            "maxConcurrentStreams",
            http.max_concurrent_streams.map(|max| max.at),
        ),
        (
            "http2KeepAlive",
            http.http2_keep_alive
                .as_ref()
                .map(|keep_alive| keep_alive.at),
        ),
    ];
    for (name, at) in fields {
        if let Some(at) = at {
            idle.note(at, name, CLIENT);
        }
    }
}

fn outlier(outlier: Option<&OutlierDetection>, idle: &mut CoverageReport<'_>) {
    let codes = outlier.and_then(|outlier| outlier.outlier_detection_http_error_codes);
    if let Some(codes) = codes {
        let effect = "500 to 599 are errors";
        let help = "use `consecutiveGatewayErrors` for 502, 503 and 504";
        idle.warn(codes.0, "outlierDetectionHttpErrorCodes", effect, help);
    }
}

fn tls(tls: Option<&ClientTls>, idle: &mut CoverageReport<'_>) {
    let Some(tls) = tls else { return };
    let mutual = tls
        .mode
        .filter(|mode| matches!(mode.value, TlsMode::Mutual | TlsMode::IstioMutual));
    if let Some(mode) = mutual {
        let effect = "requests go out as they are called, `http://` in plain text: neither side proves who it is";
        let help = "give the client its certificate, and call the host by `https://`";
        return idle.warn(mode.at, "mode", effect, help);
    }
    let at = |text: &Text| {
        text.as_ref()
            .filter(|text| !text.value.is_empty())
            .map(|text| text.at)
    };
    let names = tls.subject_alt_names.first().map(|name| name.at);
    let skips = tls
        .insecure_skip_verify
        .filter(|flag| flag.value)
        .map(|flag| flag.at);
    let authorities = tls.ca_certificates.as_ref();
    // `system` is the client's default.
    let authorities = authorities.filter(|text| !matches!(text.value.as_str(), "" | "system"));
    for (name, at) in [
        ("caCertificates", authorities.map(|text| text.at)),
        ("caCrl", at(&tls.ca_crl)),
        ("credentialName", at(&tls.credential_name)),
        ("subjectAltNames", names),
        ("insecureSkipVerify", skips),
    ] {
        if let Some(at) = at {
            let effect = "the client's configuration decides about verification of the server";
            idle.warn(at, name, effect, CONFIGURE);
        }
    }
}
