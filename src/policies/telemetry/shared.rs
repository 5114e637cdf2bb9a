use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use http::{HeaderMap, Request};
use tracing::Span;
use tracing::level_filters::LevelFilter;

use super::context::current::Scope;
use super::context::pooled_context::PooledContext;
use super::context::span::SpanObservers;
use super::context::{request_id, span};
use super::propagation::remote_context::{PresentHeaders, TraceHeaders};
use super::settings::{ReloadablePolicy, Settings};
use super::started_span::StartedSpan;
use super::{ExtractError, SpanKind, SpanProcessor, SpanTicket, TraceContext, TracePolicy};
use crate::foundation::events::Emitter;
use crate::foundation::events::request::record::{RecordKind, RequestRecord};
use crate::foundation::http::HeaderScan;
use crate::foundation::sync::rng::Rng;
use crate::foundation::sync::sharded_arc::ShardedArcRef;

/// Starts the span of each request for a trace layer's services.
#[derive(Clone, Debug)]
pub(crate) struct Tracer(ShardedArcRef<Shared>);

/// Context of a new span.
struct NewSpan {
    /// Reason for which the caller's headers were ignored.
    invalid: Option<ExtractError>,
    scan: Option<HeaderScan>,
    trace: TraceContext,
}

impl Tracer {
    pub(super) const fn of(shared: ShardedArcRef<Shared>) -> Self {
        Self(shared)
    }

    /// Starts a span and writes its headers; the request must be processed inside its scope.
    #[inline]
    pub(crate) fn start<B>(&self, request: &mut Request<B>) -> StartedSpan {
        let settings = self.0.policy.settings();
        let mut started = self.0.start(settings, request);
        started.writes_request_id = self.0.writes_request_id(settings);
        started
    }
}

/// State that all clones of a layer share.
pub(super) struct Shared {
    pub(super) rng: Rng,
    pub(super) kind: SpanKind,
    /// True for the server of a gateway, which sends its requests on.
    forwards: bool,
    /// True if a layer inside writes the headers with the span's id.
    skips_injection: bool,
    pub(super) policy: ReloadablePolicy,
    processor: Option<Arc<dyn SpanProcessor>>,
    emitter: Emitter,
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
        emitter: Emitter,
    ) -> Self {
        let is_observed = emitter.observes_requests();
        Self {
            rng: Rng::default(),
            kind,
            forwards: false,
            skips_injection: false,
            policy: ReloadablePolicy::new(policy, is_observed),
            processor,
            emitter,
        }
    }

    pub(super) fn without_injection(mut self) -> Self {
        self.skips_injection = true;
        self
    }

    #[cfg(feature = "istio")]
    pub(super) fn forwarding(mut self) -> Self {
        self.forwards = true;
        self
    }

    fn record(&self) -> Arc<RequestRecord> {
        let kind = match self.kind {
            SpanKind::Attempt => RecordKind::Attempt,
            SpanKind::Client => RecordKind::Request,
            SpanKind::Server if self.forwards => RecordKind::Forwarded,
            SpanKind::Server => RecordKind::Served,
        };
        Arc::new(RequestRecord::new(kind))
    }

    pub(super) const fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    /// Asks the observer again for the events that it wants.
    pub(super) fn update_observer(&self) {
        self.policy.set_observed(self.emitter.observes_requests());
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
    #[inline]
    pub(super) fn start<B>(&self, settings: Settings, request: &mut Request<B>) -> StartedSpan {
        let is_observed = settings.has(Settings::OBSERVED);
        if !settings.has(Settings::ENABLED) {
            if is_observed {
                return self.start_untraced(request);
            }
            return StartedSpan::unobserved(Scope::none(), None);
        }
        let headers = request.headers_mut();
        // Spans have the level INFO, and the event about invalid headers a lower one.
        let is_seen = is_observed || self.processor.is_some();
        if is_seen || LevelFilter::current() >= LevelFilter::INFO {
            let span = self.trace(settings, headers);
            return self.start_observed(request, span, is_observed);
        }
        if self.kind == SpanKind::Attempt && self.attempt_of_call(settings, headers) {
            return StartedSpan::unobserved(Scope::none(), None);
        }
        let mut new = self.trace(settings, headers);
        new.trace.call_id = self.skips_injection.then_some(new.trace.span_id);
        StartedSpan::unobserved(Scope::of(PooledContext::new(new.trace)), new.scan)
    }

    /// Starts an attempt in the context of its call, if that lends it, and writes the headers.
    fn attempt_of_call(&self, settings: Settings, headers: &mut HeaderMap) -> bool {
        let started = TraceContext::change_current(|trace| {
            let started = trace.start_attempt(&self.rng);
            if started {
                trace.write_own(settings.formats_out(trace.formats), headers);
            }
            started
        });
        started.unwrap_or(false)
    }

    /// Starts a span that a processor or a subscriber may observe.
    #[inline(never)]
    fn start_observed<B>(
        &self,
        request: &Request<B>,
        new: NewSpan,
        is_observed: bool,
    ) -> StartedSpan {
        let trace = PooledContext::new(new.trace);
        let place = trace.get().expect("it has just been put in");
        let source = self.emitter.source();
        let span = span::open(self.kind, request, place, &source);
        let (mut scope, ticket) = if is_observed || self.processor.is_some() || !span.is_disabled()
        {
            let notes = self.record();
            let service = self.policy.load().service_name();
            let observers = SpanObservers {
                emitter: is_observed.then(|| self.emitter.clone()),
                notes: Arc::clone(&notes),
                processor: self.processor.clone(),
                source,
                span: span.clone(),
            };
            let ticket = SpanTicket::new(self.kind, request, place, service, observers);
            (Scope::recorded(trace, span, notes), ticket)
        } else {
            (Scope::of(trace), SpanTicket::default())
        };
        if let Some(reason) = new.invalid {
            // Inside the span, so that the event carries the ids of the new trace.
            let _inside = scope.enter();
            tracing::debug!(%reason, "invalid trace headers, starting a new trace");
        }
        StartedSpan {
            ticket,
            ..StartedSpan::unobserved(scope, new.scan)
        }
    }

    /// Starts the observation of a request under a policy that is off: without a span, and with the
    /// surrounding trace.
    #[cold]
    fn start_untraced<B>(&self, request: &Request<B>) -> StartedSpan {
        let notes = self.record();
        let observers = SpanObservers {
            emitter: Some(self.emitter.clone()),
            notes: Arc::clone(&notes),
            processor: None,
            source: self.emitter.source(),
            span: Span::none(),
        };
        // These ids are neither sent nor logged.
        let unused = TraceContext::root(&self.rng, false);
        let ticket = SpanTicket::new(self.kind, request, &unused, None, observers);
        let scope = Scope::recorded(PooledContext::NONE, Span::none(), notes);
        StartedSpan {
            ticket,
            ..StartedSpan::unobserved(scope, None)
        }
    }

    /// Returns the context of a new span, and writes it into the headers.
    fn trace(&self, settings: Settings, headers: &mut HeaderMap) -> NewSpan {
        // Inside a handler its context is the parent; the headers of the call count only without
        // one.
        if self.kind != SpanKind::Server
            && let Some(mut trace) =
                TraceContext::of_current(|current| current.child_with(&self.rng))
        {
            // All attempts share the headers that the layer of their call has written: no second
            // scan.
            let is_written = trace.written && self.kind == SpanKind::Attempt;
            let present_headers = (!is_written).then(|| PresentHeaders::scan(headers));
            self.inject(&mut trace, settings, headers, present_headers);
            return NewSpan {
                invalid: None,
                scan: None,
                trace,
            };
        }
        let present = TraceHeaders::scan(headers);
        let (present_headers, scan) = (present.present(), Some(present.scan));
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
        NewSpan {
            invalid,
            scan,
            trace,
        }
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
