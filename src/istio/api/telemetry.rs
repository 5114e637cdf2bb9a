use super::destination_rule::Selector;
use super::security::TargetRef;
use crate::istio::api::fields::descriptor::declaration::{PERCENT, TIME, most, required};
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{Entries, Flag, Nullable, Number, Pick, Text, Time};

message! {
    Telemetry {
        selector: Option<Selector>,
        target_ref: Option<TargetRef>,
        target_refs: Nullable<TargetRef> => most(16),
        tracing: Nullable<Tracing>,
        metrics: Nullable<Metrics>,
        access_logging: Nullable<AccessLogging>,
    }

    Tracing {
        matches as "match": Option<ModeSelector>,
        providers: Nullable<ProviderRef>,
        random_sampling_percentage: Number => PERCENT,
        disable_span_reporting: Flag,
        custom_tags: Entries<CustomTag>,
        use_request_id_for_trace_sampling: Flag,
        enable_istio_tags: Flag,
        disable_context_propagation: Flag,
    }

    Metrics {
        providers: Nullable<ProviderRef>,
        overrides: Nullable<MetricsOverride>,
        reporting_interval: Time => TIME,
    }

    MetricsOverride {
        matches as "match": Option<MetricSelector>,
        disabled: Flag,
        tag_overrides: Entries<TagOverride>,
    }

    TagOverride {
        operation: Pick<TagOperation>,
        value: Text,
    }

    AccessLogging {
        matches as "match": Option<ModeSelector>,
        providers: Nullable<ProviderRef>,
        disabled: Flag,
        filter: Option<LogFilter>,
    }

    LogFilter {
        expression: Text,
    }

    ModeSelector {
        mode: Pick<WorkloadMode>,
    }

    MetricSelector {
        metric: Pick<Metric>,
        custom_metric: Text,
        mode: Pick<WorkloadMode>,
    }

    CustomTag {
        literal: Option<LiteralTag>,
        environment: Option<NamedTag>,
        header: Option<NamedTag>,
        formatter: Option<LiteralTag>,
    }

    LiteralTag {
        value: Text,
    }

    NamedTag {
        name: Text,
        default_value: Text,
    }

    ProviderRef {
        name: Text => required("the provider has no name", "write `name`"),
    }
}

choice! {
    WorkloadMode {
        ClientAndServer "CLIENT_AND_SERVER",
        Client "CLIENT",
        Server "SERVER",
    }

    Metric {
        All "ALL_METRICS",
        RequestCount "REQUEST_COUNT",
        RequestDuration "REQUEST_DURATION",
        RequestSize "REQUEST_SIZE",
        ResponseSize "RESPONSE_SIZE",
        TcpOpenedConnections "TCP_OPENED_CONNECTIONS",
        TcpClosedConnections "TCP_CLOSED_CONNECTIONS",
        TcpSentBytes "TCP_SENT_BYTES",
        TcpReceivedBytes "TCP_RECEIVED_BYTES",
        GrpcRequestMessages "GRPC_REQUEST_MESSAGES",
        GrpcResponseMessages "GRPC_RESPONSE_MESSAGES",
    }

    TagOperation {
        Upsert "UPSERT",
        Remove "REMOVE",
    }
}
