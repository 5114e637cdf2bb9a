use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use http::{HeaderMap, Request};
use tracing::level_filters::LevelFilter;

use super::context::current::Scope;
use super::context::pooled_context::PooledContext;
use super::context::request_id;
use super::propagation::remote_context::{PresentHeaders, TraceHeaders};
use super::settings::{ReloadablePolicy, Settings};
use super::started_span::StartedSpan;
use super::{ExtractError, SpanKind, SpanProcessor, TraceContext, TracePolicy};
use crate::foundation::events::Emitter;
use crate::foundation::http::HeaderScan;
#[cfg(feature = "istio")]
use crate::foundation::peer::PeerExchange;
use crate::foundation::sync::rng::Rng;
use crate::foundation::sync::sharded_arc::ShardedArcRef;

/// Starts the span of each request for a trace layer's services.
#[derive(Clone, Debug)]
pub(crate) struct Tracer(ShardedArcRef<Shared>);

/// Context of a new span.
pub(super) struct NewSpan {
    /// Reason for which the caller's headers were ignored.
    pub(super) invalid: Option<ExtractError>,
    pub(super) scan: Option<HeaderScan>,
    pub(super) trace: TraceContext,
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
    pub(super) forwards: bool,
    /// True if a layer inside writes the headers with the span's id.
    skips_injection: bool,
    pub(super) policy: ReloadablePolicy,
    pub(super) processor: Option<Arc<dyn SpanProcessor>>,
    pub(super) emitter: Emitter,
    /// Exchange of names with the other end, for an observer of requests.
    #[cfg(feature = "istio")]
    pub(super) peers: Option<Arc<PeerExchange>>,
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
            #[cfg(feature = "istio")]
            peers: None,
        }
    }

    #[cfg(feature = "istio")]
    pub(super) fn with_peers(mut self, peers: Option<Arc<PeerExchange>>) -> Self {
        self.peers = peers;
        self
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
