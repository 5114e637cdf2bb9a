//! Active span: its `tracing` span, and the data for its processor.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Request};
use tracing::Span;
use tracing::field::{Empty, display};

use crate::foundation::admission::Ticket;
use crate::foundation::endpoints::attempt_number::AttemptNumber;
use crate::foundation::events::request::record::RequestRecord;
use crate::foundation::events::{Completion, Emitter, EventKind};
use crate::foundation::http::{RequestHead, ResponseHead};
use crate::foundation::outcome::{Direction, Failure, Outcome, Rejection, Source};
use crate::foundation::time::clock;
use crate::policies::telemetry::{SpanData, SpanKind, SpanProcessor, TraceContext};

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
pub(in crate::policies::telemetry) fn open<B>(
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

/// Ticket of a span, which ends with its response body.
///
/// Empty if neither a processor nor a subscriber observes the span: it is moved with each call and
/// must stay small.
#[derive(Debug, Default)]
pub struct SpanTicket(Option<Box<SpanRecord>>);

#[derive(Debug)]
struct SpanRecord {
    data: SpanData,
    /// None if no observer wants the end of the request.
    emitter: Option<Emitter>,
    is_grpc: bool,
    notes: Arc<RequestRecord>,
    processor: Option<Arc<dyn SpanProcessor>>,
    rejection: Option<Rejection>,
    span: Span,
}

/// Observers of a span.
#[derive(Debug)]
pub(in crate::policies::telemetry) struct SpanObservers {
    pub(in crate::policies::telemetry) emitter: Option<Emitter>,
    pub(in crate::policies::telemetry) notes: Arc<RequestRecord>,
    pub(in crate::policies::telemetry) processor: Option<Arc<dyn SpanProcessor>>,
    pub(in crate::policies::telemetry) source: Arc<Source>,
    pub(in crate::policies::telemetry) span: Span,
}

impl SpanTicket {
    pub(in crate::policies::telemetry) fn new<B>(
        kind: SpanKind,
        request: &Request<B>,
        trace: &TraceContext,
        service: Option<Arc<str>>,
        observers: SpanObservers,
    ) -> Self {
        Self(Some(Box::new(SpanRecord {
            data: SpanData {
                attempt: attempt(request.headers()),
                duration: Duration::ZERO,
                kind,
                method: request.method().clone(),
                // Until an outcome is known: a ticket that is dropped first is an abandoned call.
                outcome: Outcome::Abandoned,
                service,
                source: observers.source,
                started: clock::now(),
                status: None,
                trace: trace.clone(),
                uri: request.uri().clone(),
            },
            emitter: observers.emitter,
            is_grpc: RequestHead::of(request).is_grpc(),
            notes: observers.notes,
            processor: observers.processor,
            rejection: None,
            span: observers.span,
        })))
    }
}

impl SpanRecord {
    /// Adds the destination, which the layers inside have noted.
    fn locate(&mut self) {
        if let Some(source) = self.notes.source() {
            if let Some(cluster) = source.cluster() {
                self.span.record("upstream_cluster.name", cluster);
            }
            if let Some(route) = source.route() {
                self.span.record("route_name", route);
            }
            self.data.source = source;
        }
        if !self.span.is_disabled()
            && let Some(endpoint) = self.notes.endpoint()
        {
            self.span.record("upstream_address", display(endpoint));
        }
    }

    fn completed(&self) -> EventKind {
        let completion = Completion {
            duration: self.data.duration,
            endpoint: self.notes.endpoint(),
            is_grpc: self.is_grpc,
            outcome: self.data.outcome,
            rejection: self.rejection,
            retries: self.notes.retries(),
            status: self.data.status,
        };
        match self.data.kind {
            SpanKind::Attempt => EventKind::AttemptCompleted(completion),
            SpanKind::Client | SpanKind::Server => EventKind::RequestCompleted(completion),
        }
    }

    fn failed(&self, error: &str) {
        self.span.record("error.type", error);
        self.span.record("otel.status_code", "ERROR");
    }

    /// Applies OpenTelemetry's rule: a 4xx is an error for a client span, but not for a server
    /// span.
    fn judge_status(&self) {
        let server = self.data.kind == SpanKind::Server;
        if let Some(status) = self.data.status
            && (status.is_server_error() || (!server && status.is_client_error()))
        {
            self.failed(status.as_str());
        }
    }
}

impl Ticket for SpanTicket {
    fn wants_outcome(&self) -> bool {
        self.0.is_some()
    }

    fn is_active(&self) -> bool {
        self.0.is_some()
    }

    fn on_response(&mut self, head: ResponseHead<'_>) {
        if let Some(started) = &mut self.0 {
            let status = head.status();
            started.rejection = head.extensions().get().copied();
            started.data.status = Some(status);
            started
                .span
                .record("http.response.status_code", status.as_u16());
        }
    }

    fn on_outcome(&mut self, outcome: Outcome) {
        let Some(started) = &mut self.0 else { return };
        started.data.outcome = outcome;
        match outcome {
            Outcome::Failed(failure) => started.failed(failure.name()),
            Outcome::Grpc(status) => {
                started.span.record("rpc.grpc.status_code", status.code());
                if !outcome.is_success() {
                    started.failed("grpc");
                }
            }
            // Recorded on drop, together with the reason.
            Outcome::Abandoned => {}
            Outcome::Rejected | Outcome::Status(_) => started.judge_status(),
        }
    }

    fn on_body_error(&mut self, failure: Failure) {
        if let Some(started) = &mut self.0 {
            started.data.outcome = Outcome::Failed(failure);
            started.failed(failure.name());
        }
    }
}

impl Drop for SpanTicket {
    fn drop(&mut self) {
        let Some(mut started) = self.0.take() else {
            return;
        };
        // Still the initial value: the ticket was dropped before an outcome was known.
        if started.data.outcome == Outcome::Abandoned {
            started.data.outcome = Outcome::on_drop();
            let error = match started.data.outcome {
                Outcome::Failed(failure) => failure.name(),
                _ => "abandoned",
            };
            started.failed(error);
        }
        let duration = clock::now().saturating_duration_since(started.data.started);
        started.data.duration = duration;
        started
            .span
            .record("duration_ms", duration.as_secs_f64() * 1_000.0);
        started.locate();
        if let Some(processor) = &started.processor {
            processor.on_end(&started.data);
        }
        if let Some(emitter) = &started.emitter {
            emitter.emit_from(&started.data.source, &started.completed());
        }
    }
}

static ATTEMPT: HeaderName = HeaderName::from_static("x-envoy-attempt-count");

/// Returns the number of the attempt: that of the retry layer around it, or else of a foreign one, in the headers.
fn attempt(headers: &HeaderMap) -> Option<u32> {
    AttemptNumber::current().or_else(|| headers.get(&ATTEMPT)?.to_str().ok()?.parse().ok())
}
