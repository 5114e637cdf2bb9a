//! `tracing` span of a request or an attempt.

use http::Request;
use tracing::Span;
use tracing::field::Empty;

use super::context::span::attempt;
use super::{SpanKind, TraceContext};
use crate::foundation::outcome::{Direction, Source};

/// Opens a `tracing` span; the macro of `tracing` needs the name as a literal.
macro_rules! open {
    ($name:literal, $kind:literal, $request:expr, $trace:expr, $source:expr) => {
        tracing::info_span!(
            $name,
            otel.kind = $kind,
            otel.status_code = Empty,
            http.request.method = $request.method().as_str(),
            http.request.resend_count = Empty,
            http.response.status_code = Empty,
            server.address = $request.uri().host(),
            server.port = $request.uri().port_u16(),
            url.path = $request.uri().path(),
            error.type = Empty,
            rpc.grpc.status_code = Empty,
            trace_id = display($trace.trace_id()),
            span_id = display($trace.span_id()),
            parent_span_id = $trace.parent_id().map(display),
            request_id = $trace.request_id(),
            duration_ms = Empty,
            peer.service = $source.name(),
            istio.canonical_service = $source.workload(),
            istio.namespace = $source.namespace(),
            upstream_cluster.name = $source.cluster(),
            upstream_address = Empty,
            route_name = $source.route(),
            meshless.direction = $source.direction().map(Direction::label),
            meshless.origin = $source.origin().map(display),
        )
    };
}

/// Opens the `tracing` span. Without a subscriber it costs one flag: no id is formatted.
pub(super) fn open<B>(
    kind: SpanKind,
    request: &Request<B>,
    trace: &TraceContext,
    source: &Source,
) -> Span {
    let span = match kind {
        SpanKind::Attempt => open!("http.client.attempt", "client", request, trace, source),
        SpanKind::Client => open!("http.client.request", "internal", request, trace, source),
        SpanKind::Server => open!("http.server.request", "server", request, trace, source),
    };
    if kind == SpanKind::Attempt
        && !span.is_disabled()
        && let Some(attempt) = attempt(request.headers())
    {
        // OpenTelemetry counts resends, so the first attempt is 0.
        span.record("http.request.resend_count", attempt.saturating_sub(1));
    }
    span
}
