use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::b3::Sampling;
use super::current::Scope;
use super::remote::{Found, There};
use super::{
    InvalidTrace, SpanKind, SpanProcessor, SpanTicket, TraceContext, TracePolicy, request_id, span,
};
use crate::base::Live;
use crate::base::dice::Dice;

/// Begins the hops of a layer, for a service that stands for the layer's own.
#[derive(Clone, Debug)]
pub(crate) struct Hops(Arc<Shared>);

/// A hop that has begun.
pub(crate) struct Hop {
    pub(crate) scope: Scope,
    pub(crate) tells_request_id: bool,
    pub(crate) ticket: SpanTicket,
}

impl Hops {
    pub(super) const fn of(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Begins a hop: the headers tell it, and what is done for it belongs into its scope.
    #[inline]
    pub(crate) fn begin<B>(&self, request: &mut Request<B>) -> Hop {
        let policy = self.0.policy.load();
        let (scope, ticket) = self.0.start(&policy, request);
        Hop {
            scope,
            tells_request_id: self.0.tells_request_id(&policy),
            ticket,
        }
    }
}

/// What all clones of a layer have in common.
#[derive(Debug)]
pub(super) struct Shared {
    dice: Dice,
    pub(super) kind: SpanKind,
    /// A layer inside writes the headers.
    leaves_headers: bool,
    pub(super) policy: Live<TracePolicy>,
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
            policy: Live::new(policy),
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
    pub(super) fn tells_request_id(&self, policy: &TracePolicy) -> bool {
        self.kind == SpanKind::Server && policy.tells_request_id()
    }

    /// Begins a hop: its scope, what stands for it, and the headers that tell it.
    pub(super) fn start<B>(
        &self,
        policy: &TracePolicy,
        request: &mut Request<B>,
    ) -> (Scope, SpanTicket) {
        if !policy.is_enabled() {
            return (Scope::none(), SpanTicket::default());
        }
        let current = match self.kind {
            SpanKind::Server => None,
            SpanKind::Attempt | SpanKind::Client => TraceContext::current(),
        };
        let writes = self.kind != SpanKind::Server && !self.leaves_headers;
        let there = if writes || current.is_none() {
            There::look(request.headers())
        } else {
            There::default()
        };
        let (trace, invalid) = match current {
            Some(current) => (current.into_child(&self.dice), None),
            None => self.accept(request.headers_mut(), policy, there),
        };
        if writes {
            trace.write(policy, request.headers_mut(), there);
        }
        let span = span::open(self.kind, request, &trace);
        let processor = self.processor.as_ref();
        let ticket = SpanTicket::new(self.kind, request, &trace, &span, policy, processor);
        let mut scope = Scope::new(Some(trace), span);
        if let Some(reason) = invalid {
            let _inside = scope.enter();
            tracing::debug!(%reason, "trace headers not understood, a trace begins here");
        }
        (scope, ticket)
    }

    /// Takes on the trace that the headers name, or the current one, or begins one; to a server the
    /// headers tell its request id.
    fn accept(
        &self,
        headers: &mut HeaderMap,
        policy: &TracePolicy,
        there: There,
    ) -> (TraceContext, Option<InvalidTrace>) {
        let found = Found::read(headers, policy.accepted(), there);
        let invalid = found.invalid.filter(|_| found.caller.is_none());
        let mut trace = match found.caller {
            Some(caller) => {
                let sampled = caller.sampled.unwrap_or_else(|| self.samples(policy));
                caller.into_context(sampled).into_child(&self.dice)
            }
            None => match TraceContext::current() {
                // A layer of ours further out has begun it already.
                Some(current) => current.into_child(&self.dice),
                None => self.begin(found.sampling, policy),
            },
        };
        trace.formats = trace.formats.and(found.formats);
        if let Some(forwarded) = forwarded(headers, policy) {
            trace.forwarded = Some(forwarded);
        }
        let kept = there.request_id && policy.keeps_request_id();
        let kept = kept.then(|| request_id::of(headers));
        if let Some(kept) = kept.flatten() {
            trace.request_id = Some(kept);
            return (trace, invalid);
        }
        let made = || request_id::make(&self.dice);
        let request_id = trace.request_id.get_or_insert_with(made);
        if self.kind == SpanKind::Server {
            request_id::overwrite(request_id, headers);
        }
        (trace, invalid)
    }

    fn begin(&self, sampling: Sampling, policy: &TracePolicy) -> TraceContext {
        let sampled = sampling.sampled;
        let sampled = sampled.unwrap_or_else(|| self.samples(policy));
        TraceContext {
            debug: sampling.debug,
            ..TraceContext::root(&self.dice, sampled)
        }
    }

    fn samples(&self, policy: &TracePolicy) -> bool {
        policy.samples(self.dice.roll())
    }
}

/// Returns those headers that are to be passed on; nothing is allocated when there are none.
fn forwarded(
    headers: &HeaderMap,
    policy: &TracePolicy,
) -> Option<Arc<Vec<(HeaderName, HeaderValue)>>> {
    let there = |name: &&HeaderName| headers.contains_key(*name);
    if !policy.forwarded().iter().any(|name| there(&name)) {
        return None;
    }
    let all = policy.forwarded().iter().flat_map(|name| {
        let values = headers.get_all(name).iter();
        values.map(|value| (name.clone(), value.clone()))
    });
    Some(Arc::new(all.collect()))
}
