use super::destination_rule::Selector;
use super::security::TargetRef;
use crate::istio::message::{choice, message};
use crate::istio::read::{Entries, Flag, Nullable, Number, Pick, Raw, Text, Time};

message! {
    Telemetry {
        selector: Option<Selector>,
        target_ref: Option<TargetRef>,
        target_refs: Nullable<TargetRef>,
        tracing: Nullable<Tracing>,
        metrics: Nullable<Metrics>,
        access_logging: Nullable<AccessLogging>,
    }

    Tracing {
        matches as "match": Option<Raw>,
        providers: Nullable<ProviderRef>,
        random_sampling_percentage: Number,
        disable_span_reporting: Flag,
        custom_tags: Option<Raw>,
        use_request_id_for_trace_sampling: Flag,
        enable_istio_tags: Flag,
        disable_context_propagation: Flag,
    }

    Metrics {
        providers: Nullable<ProviderRef>,
        overrides: Nullable<MetricsOverride>,
        reporting_interval: Time,
    }

    MetricsOverride {
        matches as "match": Option<Raw>,
        disabled: Flag,
        tag_overrides: Entries<TagOverride>,
    }

    TagOverride {
        operation: Pick<TagOperation>,
        value: Text,
    }

    AccessLogging {
        matches as "match": Option<Raw>,
        providers: Nullable<ProviderRef>,
        disabled: Flag,
        filter: Option<Raw>,
    }

    ProviderRef {
        name: Text,
    }
}

choice! {
    TagOperation {
        Upsert "UPSERT",
        Remove "REMOVE",
    }
}
