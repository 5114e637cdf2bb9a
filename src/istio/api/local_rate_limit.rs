//! Envoy's `envoy.filters.http.local_ratelimit`.

use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{Flag, NodeRef, Pick, Text, Time, UInt};

message! {
    LocalRateLimit {
        kind as "@type": Text,
        stat_prefix: Text,
        status: Option<HttpStatus>,
        token_bucket: Option<TokenBucket>,
        filter_enabled: Option<RuntimeFraction>,
        filter_enforced: Option<RuntimeFraction>,
        request_headers_to_add_when_not_enforced: Vec<HeaderValueOption>,
        response_headers_to_add: Vec<HeaderValueOption>,
        descriptors: Vec<Descriptor>,
        stage: UInt,
        local_rate_limit_per_downstream_connection: Flag,
        local_cluster_rate_limit: Option<NodeRef>,
        enable_x_ratelimit_headers: Pick<RateLimitHeaders>,
        vh_rate_limits: Pick<VirtualHostLimits>,
        always_consume_default_token_bucket: Flag,
        rate_limited_as_resource_exhausted: Flag,
        rate_limits: Vec<NodeRef>,
        max_dynamic_descriptors: UInt,
    }

    HttpStatus {
        code: Option<NodeRef>,
    }

    TokenBucket {
        max_tokens: UInt,
        tokens_per_fill: UInt,
        fill_interval: Time,
    }

    RuntimeFraction {
        default_value: Option<FractionalPercent>,
        runtime_key: Text,
    }

    FractionalPercent {
        numerator: UInt,
        denominator: Pick<Denominator>,
    }

    HeaderValueOption {
        header: Option<HeaderValue>,
        append: Flag,
        append_action: Pick<AppendAction>,
        keep_empty_value: Flag,
    }

    HeaderValue {
        key: Text,
        value: Text,
        raw_value: Text,
    }

    Descriptor {
        entries: Vec<Entry>,
        token_bucket: Option<TokenBucket>,
    }

    Entry {
        key: Text,
        value: Text,
    }

    /// Wrapper for a message whose type the sender does not have.
    TypedStruct {
        kind as "@type": Text,
        type_url: Text,
        value: Option<NodeRef>,
    }
}

choice! {
    Denominator {
        Hundred "HUNDRED",
        TenThousand "TEN_THOUSAND",
        Million "MILLION",
    }

    RateLimitHeaders {
        Off "OFF",
        DraftVersion03 "DRAFT_VERSION_03",
    }

    VirtualHostLimits {
        Override "OVERRIDE",
        Include "INCLUDE",
        Ignore "IGNORE",
    }

    AppendAction {
        AppendIfExistsOrAdd "APPEND_IF_EXISTS_OR_ADD",
        AddIfAbsent "ADD_IF_ABSENT",
        OverwriteIfExistsOrAdd "OVERWRITE_IF_EXISTS_OR_ADD",
        OverwriteIfExists "OVERWRITE_IF_EXISTS",
    }
}
