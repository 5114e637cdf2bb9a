use super::{ENFORCED, NOTED, Shape, Support, Table};
use crate::istio::api::local_rate_limit::LocalRateLimit;

pub(super) const TABLE: Table = Table {
    title: "The local rate limit of EnvoyFilter (`envoy.filters.http.local_ratelimit`), in snake case as well",
    kind: "EnvoyFilter",
    root: LocalRateLimit::fields,
    around: "{configPatches: [{applyTo: HTTP_FILTER, patch: {operation: INSERT_FIRST, \
         value: {name: envoy.filters.http.local_ratelimit, typed_config: SPEC}}}]}",
    prefix: "spec.configPatches.patch.value.typedConfig.",
    rows: ROWS,
    enforced: &[
        "{'@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, \
         stat_prefix: a, status: {code: 503}, token_bucket: {max_tokens: 1, \
         tokens_per_fill: 1, fill_interval: 1s}, \
         filter_enabled: {default_value: {numerator: 100, denominator: HUNDRED}}, \
         filter_enforced: {default_value: {numerator: 100}}, \
         request_headers_to_add_when_not_enforced: [{header: {key: x-a, value: b}, append: true, \
         append_action: ADD_IF_ABSENT, keep_empty_value: true}], \
         response_headers_to_add: [{header: {key: x-a, value: b}, append: true, \
         append_action: ADD_IF_ABSENT, keep_empty_value: true}], \
         descriptors: [{entries: [{key: a, value: b}], token_bucket: {max_tokens: 1, \
         fill_interval: 1s}}], stage: 1, enable_x_ratelimit_headers: DRAFT_VERSION_03, \
         always_consume_default_token_bucket: false, \
         rate_limited_as_resource_exhausted: true, \
         rate_limits: [{actions: [{remote_address: {}}]}], max_dynamic_descriptors: 5}",
    ],
    noted: &[
        "{'@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, \
         stat_prefix: a, token_bucket: {max_tokens: 1, fill_interval: 1s}, \
         filter_enabled: {runtime_key: a, default_value: {numerator: 100}}, \
         filter_enforced: {default_value: {numerator: 100}}, \
         request_headers_to_add_when_not_enforced: [{header: {key: a, raw_value: YQ==}}], \
         local_rate_limit_per_downstream_connection: true, local_cluster_rate_limit: {}, \
         vh_rate_limits: INCLUDE}",
    ],
    rejected: &[],
};

const ROWS: &[(&str, Support)] = &[
    ("@type", Support::Void("type of the message")),
    ("statPrefix", Support::Void("a name, which Envoy requires")),
    ("status", ENFORCED),
    ("status.code", ENFORCED),
    ("tokenBucket", ENFORCED),
    ("tokenBucket.maxTokens", ENFORCED),
    ("tokenBucket.tokensPerFill", ENFORCED),
    ("tokenBucket.fillInterval", ENFORCED),
    (
        "filterEnabled",
        Support::Enforced("default 100 %; Envoy's default is 0 % (`MSH0011`)"),
    ),
    ("filterEnabled.defaultValue", ENFORCED),
    ("filterEnabled.defaultValue.numerator", ENFORCED),
    ("filterEnabled.defaultValue.denominator", ENFORCED),
    ("filterEnabled.runtimeKey", NOTED),
    (
        "filterEnforced",
        Support::Enforced(
            "without it 0 %, as in Envoy; without `filterEnabled` as well 100 %: `MSH0011` says so",
        ),
    ),
    ("requestHeadersToAddWhenNotEnforced", ENFORCED),
    ("requestHeadersToAddWhenNotEnforced.header", ENFORCED),
    ("requestHeadersToAddWhenNotEnforced.header.key", ENFORCED),
    (
        "requestHeadersToAddWhenNotEnforced.header.value",
        Support::Enforced("literally: `MSH0018` reports what Envoy would substitute"),
    ),
    ("requestHeadersToAddWhenNotEnforced.header.rawValue", NOTED),
    ("requestHeadersToAddWhenNotEnforced.append", ENFORCED),
    ("requestHeadersToAddWhenNotEnforced.appendAction", ENFORCED),
    (
        "requestHeadersToAddWhenNotEnforced.keepEmptyValue",
        Support::Void("empty values are sent"),
    ),
    ("responseHeadersToAdd", ENFORCED),
    ("descriptors", ENFORCED),
    ("descriptors.entries", ENFORCED),
    ("descriptors.entries.key", ENFORCED),
    ("descriptors.entries.value", ENFORCED),
    ("descriptors.tokenBucket", ENFORCED),
    ("stage", ENFORCED),
    ("localRateLimitPerDownstreamConnection", NOTED),
    ("localClusterRateLimit", NOTED),
    ("enableXRatelimitHeaders", ENFORCED),
    ("vhRateLimits", NOTED),
    ("alwaysConsumeDefaultTokenBucket", ENFORCED),
    ("rateLimitedAsResourceExhausted", ENFORCED),
    (
        "rateLimits",
        Support::Enforced(
            "`generic_key`, `header_value_match`, `request_headers`, `remote_address`, `query_parameters`, `query_parameter_value_match`; `MSH0018` for others",
        ),
    ),
    ("maxDynamicDescriptors", ENFORCED),
];
