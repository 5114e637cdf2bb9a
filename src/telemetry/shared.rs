use std::sync::Arc;

use http::{HeaderMap, Request};
use tracing::level_filters::LevelFilter;

use super::boxed::Boxed;
use super::current::Scope;
use super::remote::{Standing, There};
use super::settings::{LivePolicy, Settings};
use super::{
    InvalidTrace, SpanKind, SpanProcessor, SpanTicket, TraceContext, TracePolicy, request_id, span,
};
use crate::base::dice::Dice;
use crate::base::spread::Anchor;

/// Begins the hops of a layer, for its services and for those that stand for them.
#[derive(Clone, Debug)]
pub(crate) struct Hops(Anchor<Shared>);

/// A hop that has begun.
pub(crate) struct Hop {
    pub(crate) scope: Scope,
    pub(crate) tells_request_id: bool,
    pub(crate) ticket: SpanTicket,
}

impl Hops {
    pub(super) const fn of(shared: Anchor<Shared>) -> Self {
        Self(shared)
    }

    /// Begins a hop: the headers tell it, and what is done for it belongs into its scope.
    #[inline]
    pub(crate) fn begin<B>(&self, request: &mut Request<B>) -> Hop {
        let settings = self.0.policy.settings();
        let (scope, ticket) = self.0.start(settings, request);
        Hop {
            scope,
            tells_request_id: self.0.tells_request_id(settings),
            ticket,
        }
    }
}

/// What all clones of a layer have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dice: Dice,
    pub(super) kind: SpanKind,
    /// A layer inside writes the headers that name the span.
    leaves_headers: bool,
    pub(super) policy: LivePolicy,
    processor: Option<Arc<dyn SpanProcessor>>,
}

impl Shared {
    pub(super) fn new(
        kind: SpanKind,
        policy: TracePolicy,
        processor: Option<Arc<dyn SpanProcessor>>,
    ) -> Self {
        Self {
            dice: Dice::default(),
            kind,
            leaves_headers: false,
            policy: LivePolicy::new(policy),
            processor,
        }
    }

    pub(super) fn leaving_headers(self) -> Self {
        Self {
            leaves_headers: true,
            ..self
        }
    }

    pub(super) fn reconfigure(&self, policy: TracePolicy) {
        self.policy.store(policy);
    }

    /// Says whether the response tells the request id.
    pub(super) fn tells_request_id(&self, settings: Settings) -> bool {
        self.kind == SpanKind::Server && settings.has(Settings::TELLS_REQUEST_ID)
    }

    /// Begins a hop: its scope, what stands for it, and the headers that tell it.
    pub(super) fn start<B>(
        &self,
        settings: Settings,
        request: &mut Request<B>,
    ) -> (Scope, SpanTicket) {
        if !settings.has(Settings::ENABLED) {
            return (Scope::none(), SpanTicket::default());
        }
        let (trace, invalid) = self.trace(settings, request.headers_mut());
        // Spans are of this level, and what is said of wrong headers is of a lower one.
        if self.processor.is_none() && LevelFilter::current() < LevelFilter::INFO {
            return (Scope::of(trace), SpanTicket::default());
        }
        self.start_heard(request, trace, invalid)
    }

    /// Begins a hop that somebody may want to hear of.
    #[inline(never)]
    fn start_heard<B>(
        &self,
        request: &Request<B>,
        trace: Boxed,
        invalid: Option<InvalidTrace>,
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
            let _inside = scope.enter();
            tracing::debug!(%reason, "trace headers not understood, a trace begins here");
        }
        (scope, ticket)
    }

    /// Returns the place of a hop, which the headers tell from then on.
    fn trace(&self, settings: Settings, headers: &mut HeaderMap) -> (Boxed, Option<InvalidTrace>) {
        if self.kind != SpanKind::Server
            && let Some(mut trace) =
                TraceContext::of_current(|current| current.child_with(&self.dice))
        {
            let told = trace.told && self.kind == SpanKind::Attempt;
            let standing = (!told).then(|| Standing::ask(headers));
            self.tell(&mut trace, settings, headers, standing);
            return (Boxed::new(trace), None);
        }
        let there = There::look(headers);
        let standing = there.standing();
        let (mut trace, invalid) = self.accept(settings, headers, &there);
        if self.kind == SpanKind::Server {
            if let Some(request_id) = &trace.request_id
                && there.request_id != Some(request_id)
            {
                request_id::write(request_id, headers);
            }
        } else {
            self.tell(&mut trace, settings, headers, Some(standing));
        }
        (Boxed::new(trace), invalid)
    }

    /// Tells a call its trace; those headers that all its attempts have in common unless it has them.
    fn tell(
        &self,
        trace: &mut TraceContext,
        settings: Settings,
        headers: &mut HeaderMap,
        standing: Option<Standing>,
    ) {
        let formats = settings.formats_out(trace.formats);
        if let Some(standing) = standing {
            trace.write_common(formats, headers, standing);
        }
        trace.told = self.leaves_headers;
        if !trace.told {
            trace.write_own(formats, headers);
        }
    }
}
