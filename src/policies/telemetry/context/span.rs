//! Active span: its data for the processor and the observers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request};
use tracing::Span;
use tracing::field::display;

use crate::foundation::admission::Ticket;
use crate::foundation::endpoints::attempt_number::AttemptNumber;
use crate::foundation::events::request::record_ref::RecordRef;
use crate::foundation::events::{Completion, Emitter, EventKind};
use crate::foundation::http::{RequestHead, ResponseHead};
use crate::foundation::outcome::{Failure, Outcome, Rejection, ResponseFlags, Source};
#[cfg(feature = "istio")]
use crate::foundation::peer::PeerExchange;
use crate::foundation::sync::pooled::{Pooled, pool};
use crate::foundation::time::clock;
use crate::policies::telemetry::sizes::{Sizes, head_of_response};
use crate::policies::telemetry::{SpanData, SpanKind, SpanProcessor, TraceContext};

/// Ticket of a span, which ends with its response body.
///
/// Empty if neither a processor nor a subscriber observes the span: it is moved with each call and
/// must stay small.
#[derive(Debug, Default)]
pub struct SpanTicket(Option<Pooled<SpanRecord>>);

#[derive(Debug)]
struct SpanRecord {
    data: SpanData,
    /// None if no observer wants the end of the request.
    emitter: Option<Emitter>,
    is_grpc: bool,
    notes: RecordRef,
    /// Exchange of names with the other end, until the response's head.
    #[cfg(feature = "istio")]
    peers: Option<Arc<PeerExchange>>,
    processor: Option<Arc<dyn SpanProcessor>>,
    rejection: Option<Rejection>,
    sizes: Sizes,
    span: Span,
}

pool!(SpanRecord);

/// Observers of a span.
#[derive(Debug)]
pub(in crate::policies::telemetry) struct SpanObservers {
    pub(in crate::policies::telemetry) emitter: Option<Emitter>,
    pub(in crate::policies::telemetry) notes: RecordRef,
    #[cfg(feature = "istio")]
    pub(in crate::policies::telemetry) peers: Option<Arc<PeerExchange>>,
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
        let is_grpc = RequestHead::of(request).is_grpc();
        Self(Some(Pooled::new(SpanRecord {
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
            // Only events have sizes.
            sizes: match &observers.emitter {
                Some(_) => Sizes::of(RequestHead::of(request), is_grpc),
                None => Sizes::default(),
            },
            emitter: observers.emitter,
            is_grpc,
            notes: observers.notes,
            #[cfg(feature = "istio")]
            peers: observers.peers,
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
        let data = &self.data;
        let notes = self.notes.notes();
        let is_outgoing = data.kind != SpanKind::Server;
        let authority = data.uri.authority();
        let is_sampled = data.trace.is_sampled();
        let completion = Completion {
            authority: authority
                .filter(|_| is_outgoing && data.source.host().is_none())
                .cloned(),
            duration: data.duration,
            endpoint: notes.endpoint,
            flags: ResponseFlags::of(data.outcome, self.rejection) | notes.flags,
            is_grpc: self.is_grpc,
            is_served: self.notes.is_served(),
            outcome: data.outcome,
            peer: notes.peer,
            rejection: self.rejection,
            request_bytes: self.sizes.request(notes.request_body),
            response_bytes: self.sizes.response,
            response_messages: self.sizes.messages(),
            retries: self.notes.retries(),
            status: data.status,
            trace_id: is_sampled.then(|| data.trace.trace_id().get()),
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
            if started.emitter.is_some() {
                started.sizes.response = head_of_response(head);
            }
            started.rejection = head.extensions().get().copied();
            started.data.status = Some(status);
            started
                .span
                .record("http.response.status_code", status.as_u16());
        }
    }

    #[inline]
    fn on_data(&mut self, data: &Bytes) {
        if let Some(started) = &mut self.0 {
            started.sizes.add(data);
        }
    }

    #[cfg(feature = "istio")]
    fn write_headers(&mut self, headers: &mut HeaderMap) {
        if let Some(started) = &mut self.0
            && let Some(peers) = started.peers.take()
        {
            if started.data.kind == SpanKind::Server {
                peers.send(headers);
            } else if let Some(peer) = peers.take_answer(headers) {
                started.notes.set_peer(&peer);
            }
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
pub(in crate::policies::telemetry) fn attempt(headers: &HeaderMap) -> Option<u32> {
    AttemptNumber::current().or_else(|| headers.get(&ATTEMPT)?.to_str().ok()?.parse().ok())
}
