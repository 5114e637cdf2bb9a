use super::{ENFORCED, NOTED, Shape, Support, Table};
use crate::istio::api::envoy_filter::EnvoyFilter;
use crate::istio::diagnostics::code::Code;

pub(super) const TABLE: Table = Table {
    title: "EnvoyFilter (local rate limit only)",
    kind: "EnvoyFilter",
    root: EnvoyFilter::fields,
    around: "SPEC",
    prefix: "spec.",
    rows: ROWS,
    enforced: &["{workloadSelector: {labels: {app: a}}, priority: 1, \
         configPatches: [{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND, \
         listener: {portNumber: 80, \
         filterChain: {filter: {name: envoy.filters.network.http_connection_manager}}}}, \
         patch: {operation: INSERT_FIRST, filterClass: AUTHZ, \
         value: {name: envoy.filters.http.local_ratelimit, \
         typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, \
         stat_prefix: a, token_bucket: {max_tokens: 1, fill_interval: 1s}, \
         filter_enabled: {default_value: {numerator: 100}}, \
         filter_enforced: {default_value: {numerator: 100}}}}}}, {applyTo: HTTP_ROUTE, \
         match: {context: SIDECAR_INBOUND, routeConfiguration: {portNumber: 80, \
         gateway: a/b, name: '80', vhost: {name: 'a:80', domainName: a, route: {name: r}}}}, \
         patch: {operation: MERGE, \
         value: {typed_per_filter_config: {envoy.filters.http.local_ratelimit: {'@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, \
         stat_prefix: a, token_bucket: {max_tokens: 1, fill_interval: 1s}, \
         filter_enabled: {default_value: {numerator: 100}}, \
         filter_enforced: {default_value: {numerator: 100}}}}}}}]}"],
    noted: &[
        "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: a}], \
         configPatches: [{applyTo: HTTP_FILTER, match: {proxy: {proxyVersion: '1.*'}, \
         listener: {portName: a, name: b, listenerFilter: c, filterChain: {name: d, \
         sni: a.com, transportProtocol: tls, transportSocket: a, applicationProtocols: h2, \
         destinationPort: 80}}}, patch: {operation: INSERT_FIRST, \
         value: {name: envoy.filters.http.local_ratelimit, \
         typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, \
         stat_prefix: a, token_bucket: {max_tokens: 1, fill_interval: 1s}, \
         filter_enabled: {default_value: {numerator: 100}}, \
         filter_enforced: {default_value: {numerator: 100}}}}}}, {applyTo: HTTP_ROUTE, \
         match: {routeConfiguration: {portName: a, vhost: {route: {action: ROUTE}}}}, \
         patch: {operation: MERGE, \
         value: {typed_per_filter_config: {envoy.filters.http.local_ratelimit: {'@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, \
         stat_prefix: a, token_bucket: {max_tokens: 1, fill_interval: 1s}, \
         filter_enabled: {default_value: {numerator: 100}}, \
         filter_enforced: {default_value: {numerator: 100}}}}}}}, {applyTo: CLUSTER, \
         match: {cluster: {service: a}}, patch: {operation: MERGE, value: {}}}, {applyTo: HTTP_FILTER, \
         match: {context: WAYPOINT, waypoint: {portNumber: 80}}, \
         patch: {operation: INSERT_FIRST, value: {name: envoy.filters.http.local_ratelimit, \
         typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, \
         stat_prefix: a, token_bucket: {max_tokens: 1, fill_interval: 1s}, \
         filter_enabled: {default_value: {numerator: 100}}, \
         filter_enforced: {default_value: {numerator: 100}}}}}}]}",
    ],
    rejected: &[],
};

const ROWS: &[(&str, Support)] = &[
    ("workloadSelector", ENFORCED),
    ("workloadSelector.labels", ENFORCED),
    ("targetRefs", NOTED),
    ("configPatches", ENFORCED),
    (
        "configPatches.applyTo",
        Support::Enforced("`HTTP_FILTER`, `HTTP_ROUTE` and `VIRTUAL_HOST`; `MSH0012` for others"),
    ),
    ("configPatches.match", ENFORCED),
    (
        "configPatches.match.context",
        Support::Enforced("`MSH0018` for `WAYPOINT`"),
    ),
    ("configPatches.match.proxy", NOTED),
    ("configPatches.match.listener", ENFORCED),
    ("configPatches.match.listener.portNumber", ENFORCED),
    ("configPatches.match.listener.portName", NOTED),
    (
        "configPatches.match.listener.filterChain",
        Support::Void("selects a filter chain; see its fields"),
    ),
    ("configPatches.match.listener.filterChain.name", NOTED),
    ("configPatches.match.listener.filterChain.sni", NOTED),
    (
        "configPatches.match.listener.filterChain.transportProtocol",
        NOTED,
    ),
    (
        "configPatches.match.listener.filterChain.transportSocket",
        NOTED,
    ),
    (
        "configPatches.match.listener.filterChain.applicationProtocols",
        NOTED,
    ),
    (
        "configPatches.match.listener.filterChain.filter",
        Support::Void("there are no other filters: the limit applies before routing"),
    ),
    (
        "configPatches.match.listener.filterChain.destinationPort",
        NOTED,
    ),
    ("configPatches.match.listener.listenerFilter", NOTED),
    ("configPatches.match.listener.name", NOTED),
    ("configPatches.match.routeConfiguration", ENFORCED),
    (
        "configPatches.match.routeConfiguration.portNumber",
        ENFORCED,
    ),
    ("configPatches.match.routeConfiguration.portName", NOTED),
    ("configPatches.match.routeConfiguration.gateway", ENFORCED),
    ("configPatches.match.routeConfiguration.vhost", ENFORCED),
    (
        "configPatches.match.routeConfiguration.vhost.name",
        ENFORCED,
    ),
    (
        "configPatches.match.routeConfiguration.vhost.domainName",
        ENFORCED,
    ),
    (
        "configPatches.match.routeConfiguration.vhost.route",
        ENFORCED,
    ),
    (
        "configPatches.match.routeConfiguration.vhost.route.name",
        ENFORCED,
    ),
    (
        "configPatches.match.routeConfiguration.vhost.route.action",
        NOTED,
    ),
    ("configPatches.match.routeConfiguration.name", ENFORCED),
    (
        "configPatches.match.cluster",
        Support::Noted(Code::UnknownFilter, "configPatches.patch.value"),
    ),
    (
        "configPatches.match.waypoint",
        Support::Noted(Code::FieldWithoutEffect, "configPatches.match.context"),
    ),
    ("configPatches.patch", ENFORCED),
    (
        "configPatches.patch.operation",
        Support::Enforced("`MSH0018` for `MERGE` and `REPLACE` of the filter itself"),
    ),
    (
        "configPatches.patch.value",
        Support::Enforced(
            "a local rate limit, direct or in a `TypedStruct`, as below; `MSH0012` for everything else",
        ),
    ),
    (
        "configPatches.patch.filterClass",
        Support::Void("there are no other filters"),
    ),
    ("priority", ENFORCED),
];
