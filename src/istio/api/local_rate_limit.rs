//! Envoy's `envoy.filters.http.local_ratelimit`.

use crate::istio::api::fields::descriptor::declaration::{When, enforced, note, void, warn};
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{Flag, NodeRef, Pick, Text, Time, UInt};

/// Says whether Envoy would substitute a part of a header's value.
fn has_format(value: &str) -> bool {
    value.replace("%%", "").contains('%')
}

message! {
    LocalRateLimit {
        kind as "@type": Text => void("type of the message"),
        stat_prefix: Text => void("a name, which Envoy requires"),
        status: Option<HttpStatus>,
        token_bucket: Option<TokenBucket>,
        filter_enabled: Option<RuntimeFraction>
            => enforced("default 100 %; Envoy's default is 0 % (`MSH0011`)"),
        filter_enforced: Option<RuntimeFraction> => enforced(
            "without it 0 %, as in Envoy; without `filterEnabled` as well 100 %: `MSH0011` says so",
        ),
        request_headers_to_add_when_not_enforced: Vec<HeaderValueOption>,
        response_headers_to_add: Vec<HeaderValueOption>,
        descriptors: Vec<Descriptor>,
        stage: UInt,
        local_rate_limit_per_downstream_connection: Flag
            => note("each client address has a bucket, not each connection"),
        local_cluster_rate_limit: Option<NodeRef>
            => warn("each process has the full limit", "write each replica's part of the limit"),
        enable_x_ratelimit_headers: Pick<RateLimitHeaders>,
        vh_rate_limits: Pick<VirtualHostLimits> => warn(
            "the actions of a route replace those of its virtual host",
            "write all actions at the route",
        ).when(When::Not("OVERRIDE")),
        always_consume_default_token_bucket: Flag,
        rate_limited_as_resource_exhausted: Flag,
        rate_limits: Vec<NodeRef> => enforced(
            "`generic_key`, `header_value_match`, `request_headers`, `remote_address`, `query_parameters`, `query_parameter_value_match`; `MSH0018` for others",
        ),
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
        runtime_key: Text => note("the default value holds: there is no runtime to ask"),
    }

    FractionalPercent {
        numerator: UInt,
        denominator: Pick<Denominator>,
    }

    HeaderValueOption {
        header: Option<HeaderValue>,
        append: Flag,
        append_action: Pick<AppendAction>,
        keep_empty_value: Flag => void("empty values are sent"),
    }

    HeaderValue {
        key: Text,
        value: Text => enforced(
            "literally: `MSH0018` reports what Envoy would substitute",
        ).note_if(When::Text(has_format), "the value is sent as it stands: nothing is filled in"),
        raw_value: Text => warn("the header is sent without a value", "write `value`"),
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
