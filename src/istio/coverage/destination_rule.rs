use super::{ENFORCED, NOTED, Shape, Support, Table};
use crate::istio::api::destination_rule::DestinationRule;
use crate::istio::diagnostics::code::Code;

pub(super) const TABLE: Table = Table {
    title: "DestinationRule",
    kind: "DestinationRule",
    root: DestinationRule::fields,
    around: "SPEC",
    prefix: "spec.",
    rows: ROWS,
    enforced: &[
        "{host: a.com, exportTo: ['.'], workloadSelector: {matchLabels: {app: a}}, \
         trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 10s, \
         minimumPercent: 10, aggression: 1}}, connectionPool: {tcp: {maxConnections: 1, \
         connectTimeout: 1s, maxConnectionDuration: 1s, idleTimeout: 1s}, \
         http: {http1MaxPendingRequests: 1, http2MaxRequests: 1, \
         maxRequestsPerConnection: 1, maxRetries: 1, idleTimeout: 1s, \
         h2UpgradePolicy: UPGRADE}}, \
         outlierDetection: {splitExternalLocalOriginErrors: true, \
         consecutiveLocalOriginFailures: 1, consecutiveGatewayErrors: 1, \
         consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 1s, \
         maxEjectionPercent: 100, minHealthPercent: 1}, \
         portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}, \
         connectionPool: {tcp: {maxConnections: 1}}, outlierDetection: {interval: 1s}, \
         tls: {mode: DISABLE}}], retryBudget: {percent: 20, minRetryConcurrency: 3}}}",
        "{host: a.com, trafficPolicy: {tls: {mode: SIMPLE, sni: a.com}}}",
        "{host: a.com, trafficPolicy: {loadBalancer: {consistentHash: {minimumRingSize: 100, \
         httpCookie: {name: a, path: /, ttl: 1s, attributes: [{name: SameSite, \
         value: Strict}]}}}, outlierDetection: {consecutiveErrors: 3}}}",
        "{host: a.com, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-a, \
         ringHash: {minimumRingSize: 100}}}}}",
        "{host: a.com, \
         trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}}",
        "{host: a.com, \
         trafficPolicy: {loadBalancer: {consistentHash: {httpQueryParameterName: a}}}}",
        "{host: a.com, trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST, \
         warmupDurationSecs: 10s}}}",
        "{host: a.com, subsets: [{name: v1, labels: {version: v1}, \
         trafficPolicy: {loadBalancer: {simple: RANDOM}}}]}",
    ],
    noted: &[
        "{host: a.com, trafficPolicy: {loadBalancer: {localityLbSetting: {enabled: true}, \
         consistentHash: {httpHeaderName: x-a, maglev: {tableSize: 7}}}, \
         connectionPool: {tcp: {tcpKeepalive: {time: 1s}}, http: {maxConcurrentStreams: 1, \
          http2KeepAlive: {interval: 1s, timeout: 1s}}}, \
         outlierDetection: {outlierDetectionHttpErrorCodes: [500]}, tls: {mode: SIMPLE, \
         caCertificates: /a.pem, subjectAltNames: [a.com], caCrl: /b.pem}, \
         tunnel: {protocol: CONNECT, targetHost: b.com, targetPort: 80}}}",
        "{host: a.com, trafficPolicy: {loadBalancer: {simple: RANDOM, \
         zoneAwareLbSetting: {enabled: true}}, \
         connectionPool: {http: {useClientProtocol: true}}, tls: {mode: SIMPLE, \
         credentialName: a}, proxyProtocol: {version: V1}}}",
        "{host: a.com, trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true}}}",
        "{host: a.com, trafficPolicy: {loadBalancer: {backendUtilization: \
         {errorUtilizationPenaltyPercent: 1, metricNamesForComputingUtilization: [a], \
         weightUpdatePeriod: 1s}}, retryBudget: {percent: 20, budgetInterval: 10s}}}",
        "{host: a.com, trafficPolicy: {tls: {mode: MUTUAL, clientCertificate: /a.pem, \
         privateKey: /b.pem}}}",
    ],
    rejected: &[],
};

const BY_CLIENT: Support =
    Support::Enforced("by the connections of `Workload::client` and of a gateway's own client");

const ROWS: &[(&str, Support)] = &[
    ("host", ENFORCED),
    ("trafficPolicy", ENFORCED),
    ("trafficPolicy.loadBalancer", ENFORCED),
    ("trafficPolicy.loadBalancer.simple", ENFORCED),
    ("trafficPolicy.loadBalancer.consistentHash", ENFORCED),
    (
        "trafficPolicy.loadBalancer.consistentHash.httpHeaderName",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.httpCookie",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.httpCookie.name",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.httpCookie.path",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.httpCookie.ttl",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes.name",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes.value",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.useSourceIp",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.httpQueryParameterName",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.ringHash",
        ENFORCED,
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.ringHash.minimumRingSize",
        ENFORCED,
    ),
    ("trafficPolicy.loadBalancer.consistentHash.maglev", NOTED),
    (
        "trafficPolicy.loadBalancer.consistentHash.minimumRingSize",
        Support::Enforced("deprecated: `IST0133` says so; read as that of `ringHash`"),
    ),
    ("trafficPolicy.loadBalancer.backendUtilization", NOTED),
    ("trafficPolicy.loadBalancer.localityLbSetting", NOTED),
    ("trafficPolicy.loadBalancer.warmupDurationSecs", ENFORCED),
    ("trafficPolicy.loadBalancer.warmup", ENFORCED),
    ("trafficPolicy.loadBalancer.warmup.duration", ENFORCED),
    ("trafficPolicy.loadBalancer.warmup.minimumPercent", ENFORCED),
    ("trafficPolicy.loadBalancer.warmup.aggression", ENFORCED),
    ("trafficPolicy.loadBalancer.zoneAwareLbSetting", NOTED),
    ("trafficPolicy.connectionPool", ENFORCED),
    ("trafficPolicy.connectionPool.tcp", ENFORCED),
    ("trafficPolicy.connectionPool.tcp.maxConnections", BY_CLIENT),
    ("trafficPolicy.connectionPool.tcp.connectTimeout", BY_CLIENT),
    ("trafficPolicy.connectionPool.tcp.tcpKeepalive", NOTED),
    (
        "trafficPolicy.connectionPool.tcp.maxConnectionDuration",
        BY_CLIENT,
    ),
    ("trafficPolicy.connectionPool.tcp.idleTimeout", BY_CLIENT),
    ("trafficPolicy.connectionPool.http", ENFORCED),
    (
        "trafficPolicy.connectionPool.http.http1MaxPendingRequests",
        BY_CLIENT,
    ),
    (
        "trafficPolicy.connectionPool.http.http2MaxRequests",
        Support::Enforced("for every HTTP version"),
    ),
    (
        "trafficPolicy.connectionPool.http.maxRequestsPerConnection",
        BY_CLIENT,
    ),
    ("trafficPolicy.connectionPool.http.maxRetries", ENFORCED),
    ("trafficPolicy.connectionPool.http.idleTimeout", BY_CLIENT),
    (
        "trafficPolicy.connectionPool.http.h2UpgradePolicy",
        BY_CLIENT,
    ),
    ("trafficPolicy.connectionPool.http.useClientProtocol", NOTED),
    (
        "trafficPolicy.connectionPool.http.maxConcurrentStreams",
        NOTED,
    ),
    ("trafficPolicy.connectionPool.http.http2KeepAlive", NOTED),
    ("trafficPolicy.outlierDetection", ENFORCED),
    (
        "trafficPolicy.outlierDetection.consecutiveErrors",
        Support::Enforced("deprecated (`IST0133`); read as `consecutive5xxErrors`"),
    ),
    (
        "trafficPolicy.outlierDetection.splitExternalLocalOriginErrors",
        ENFORCED,
    ),
    (
        "trafficPolicy.outlierDetection.consecutiveLocalOriginFailures",
        ENFORCED,
    ),
    (
        "trafficPolicy.outlierDetection.consecutiveGatewayErrors",
        ENFORCED,
    ),
    (
        "trafficPolicy.outlierDetection.consecutive5xxErrors",
        ENFORCED,
    ),
    ("trafficPolicy.outlierDetection.interval", ENFORCED),
    ("trafficPolicy.outlierDetection.baseEjectionTime", ENFORCED),
    (
        "trafficPolicy.outlierDetection.maxEjectionPercent",
        Support::Enforced(
            "one endpoint may always be ejected; `MSH0013` if Envoy would eject none",
        ),
    ),
    ("trafficPolicy.outlierDetection.minHealthPercent", ENFORCED),
    (
        "trafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes",
        NOTED,
    ),
    ("trafficPolicy.tls", ENFORCED),
    (
        "trafficPolicy.tls.mode",
        Support::Enforced("`SIMPLE` and `DISABLE`; `MSH0018` for `MUTUAL` and `ISTIO_MUTUAL`"),
    ),
    (
        "trafficPolicy.tls.clientCertificate",
        Support::Noted(Code::FieldWithoutEffect, "trafficPolicy.tls.mode"),
    ),
    (
        "trafficPolicy.tls.privateKey",
        Support::Noted(Code::FieldWithoutEffect, "trafficPolicy.tls.mode"),
    ),
    ("trafficPolicy.tls.caCertificates", NOTED),
    ("trafficPolicy.tls.credentialName", NOTED),
    ("trafficPolicy.tls.subjectAltNames", NOTED),
    ("trafficPolicy.tls.sni", ENFORCED),
    ("trafficPolicy.tls.insecureSkipVerify", NOTED),
    ("trafficPolicy.tls.caCrl", NOTED),
    ("trafficPolicy.portLevelSettings", ENFORCED),
    ("trafficPolicy.portLevelSettings.port", ENFORCED),
    ("trafficPolicy.portLevelSettings.port.number", ENFORCED),
    ("trafficPolicy.portLevelSettings.loadBalancer", ENFORCED),
    ("trafficPolicy.portLevelSettings.connectionPool", ENFORCED),
    ("trafficPolicy.portLevelSettings.outlierDetection", ENFORCED),
    ("trafficPolicy.portLevelSettings.tls", ENFORCED),
    ("trafficPolicy.tunnel", NOTED),
    ("trafficPolicy.proxyProtocol", NOTED),
    ("trafficPolicy.retryBudget", ENFORCED),
    ("trafficPolicy.retryBudget.percent", ENFORCED),
    ("trafficPolicy.retryBudget.minRetryConcurrency", ENFORCED),
    ("trafficPolicy.retryBudget.budgetInterval", NOTED),
    ("subsets", ENFORCED),
    ("subsets.name", ENFORCED),
    (
        "subsets.labels",
        Support::Enforced("by the labels of a ServiceEntry's endpoints; `MSH0018` without one"),
    ),
    ("subsets.trafficPolicy", ENFORCED),
    ("exportTo", ENFORCED),
    ("workloadSelector", ENFORCED),
    ("workloadSelector.matchLabels", ENFORCED),
];
