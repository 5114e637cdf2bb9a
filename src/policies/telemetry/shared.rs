use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use http::{HeaderMap, Request};
use tracing::level_filters::LevelFilter;

use super::context::current::Scope;
use super::context::pooled_context::PooledContext;
use super::context::span;
use super::propagation::remote_context::{PresentHeaders, TraceHeaders};
use super::propagation::request_id;
use super::settings::{ReloadablePolicy, Settings};
use super::{ExtractError, SpanKind, SpanProcessor, SpanTicket, TraceContext, TracePolicy};
use crate::foundation::sync::rng::Rng;
use crate::foundation::sync::sharded_arc::ShardedArcRef;

/// Starts the span of each request for a trace layer's services.
#[derive(Clone, Debug)]
pub(crate) struct Tracer(ShardedArcRef<Shared>);

/// Started span of a request.
pub(crate) struct StartedSpan {
    pub(crate) scope: Scope,
    pub(crate) writes_request_id: bool,
    pub(crate) ticket: SpanTicket,
}

impl Tracer {
    pub(super) const fn of(shared: ShardedArcRef<Shared>) -> Self {
        Self(shared)
    }

    /// Starts a span and writes its headers; the request must be processed inside its scope.
    #[inline]
    pub(crate) fn start<B>(&self, request: &mut Request<B>) -> StartedSpan {
        let settings = self.0.policy.settings();
        let (scope, ticket) = self.0.start(settings, request);
        StartedSpan {
            scope,
            writes_request_id: self.0.writes_request_id(settings),
            ticket,
        }
    }
}

/// State that all clones of a layer share.
pub(super) struct Shared {
    pub(super) rng: Rng,
    pub(super) kind: SpanKind,
    /// True if a layer inside writes the headers with the span's id.
    skips_injection: bool,
    pub(super) policy: ReloadablePolicy,
    processor: Option<Arc<dyn SpanProcessor>>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(
        kind: SpanKind,
        policy: TracePolicy,
        processor: Option<Arc<dyn SpanProcessor>>,
    ) -> Self {
        Self {
            rng: Rng::default(),
            kind,
            skips_injection: false,
            policy: ReloadablePolicy::new(policy),
            processor,
        }
    }

    pub(super) fn without_injection(self) -> Self {
        Self {
            skips_injection: true,
            ..self
        }
    }

    pub(super) fn reconfigure(&self, policy: TracePolicy) {
        self.policy.store(policy);
    }

    /// Returns the current policy.
    pub(super) fn policy(&self) -> TracePolicy {
        self.policy.load().as_ref().clone()
    }

    /// Returns true if the response carries the request id.
    pub(super) fn writes_request_id(&self, settings: Settings) -> bool {
        self.kind == SpanKind::Server && settings.has(Settings::WRITES_REQUEST_ID)
    }

    /// Starts a span: returns its scope and ticket, and writes its headers.
    pub(super) fn start<B>(
        &self,
        settings: Settings,
        request: &mut Request<B>,
    ) -> (Scope, SpanTicket) {
        if !settings.has(Settings::ENABLED) {
            return (Scope::none(), SpanTicket::default());
        }
        let (trace, invalid) = self.trace(settings, request.headers_mut());
        // Spans have the level INFO, and the event about invalid headers a lower one.
        if self.processor.is_none() && LevelFilter::current() < LevelFilter::INFO {
            return (Scope::of(trace), SpanTicket::default());
        }
        self.start_observed(request, trace, invalid)
    }

    /// Starts a span that a processor or a subscriber may observe.
    #[inline(never)]
    fn start_observed<B>(
        &self,
        request: &Request<B>,
        trace: PooledContext,
        invalid: Option<ExtractError>,
    ) -> (Scope, SpanTicket) {
        let place = trace.get().expect("it has just been put in");
        let span = span::open(self.kind, request, place);
        let ticket = if self.processor.is_some() || !span.is_disabled() {
            let service = self.policy.load().service_name();
            let processor = self.processor.as_ref();
            SpanTicket::new(self.kind, request, place, &span, service, processor)
        } else {
            SpanTicket::default()
        };
        let mut scope = Scope::new(trace, span);
        if let Some(reason) = invalid {
            // Inside the span, so that the event carries the ids of the new trace.
            let _inside = scope.enter();
            tracing::debug!(%reason, "invalid trace headers, starting a new trace");
        }
        (scope, ticket)
    }

    /// Returns the context of a new span, and writes it into the headers.
    fn trace(
        &self,
        settings: Settings,
        headers: &mut HeaderMap,
    ) -> (PooledContext, Option<ExtractError>) {
        // Inside a handler its context is the parent; the headers of the call count only without
        // one.
        if self.kind != SpanKind::Server
            && let Some(mut trace) =
                TraceContext::of_current(|current| current.child_with(&self.rng))
        {
            // All attempts share the headers that the layer of their call has written: no second
            // scan.
            let told = trace.written && self.kind == SpanKind::Attempt;
            let present_headers = (!told).then(|| PresentHeaders::scan(headers));
            self.inject(&mut trace, settings, headers, present_headers);
            return (PooledContext::new(trace), None);
        }
        let present = TraceHeaders::scan(headers);
        let present_headers = present.present();
        let (mut trace, invalid) = self.extract(settings, headers, &present);
        if self.kind == SpanKind::Server {
            // The handler reads the same id that is propagated.
            if let Some(request_id) = &trace.request_id
                && present.request_id != Some(request_id)
            {
                request_id::write(request_id, headers);
            }
        } else {
            self.inject(&mut trace, settings, headers, Some(present_headers));
        }
        (PooledContext::new(trace), invalid)
    }

    /// Writes the trace into the headers of a call; `standing` lists those that its attempts share,
    /// and is none if they are written already.
    fn inject(
        &self,
        trace: &mut TraceContext,
        settings: Settings,
        headers: &mut HeaderMap,
        present_headers: Option<PresentHeaders>,
    ) {
        let formats = settings.formats_out(trace.formats);
        if let Some(present_headers) = present_headers {
            trace.request_id_written = settings.has(Settings::SENDS_REQUEST_ID)
                && trace.write_request_id(headers, present_headers);
            trace.write_common(formats, headers, present_headers);
        }
        trace.written = self.skips_injection;
        if !trace.written {
            trace.write_own(formats, headers);
        }
    }
}
