//! Start of a request or an attempt that a span, a processor or an observer observes.

#[cfg(feature = "istio")]
use std::sync::Arc;

use http::Request;
use tracing::Span;

use super::context::current::Scope;
use super::context::pooled_context::PooledContext;
use super::context::span::SpanObservers;
use super::shared::{NewSpan, Shared};
use super::started_span::StartedSpan;
use super::{SpanKind, SpanTicket, TraceContext, tracing_span};
use crate::foundation::events::request::record::{RecordKind, RequestRecord};
use crate::foundation::events::request::record_ref::RecordRef;
#[cfg(feature = "istio")]
use crate::foundation::peer::PeerExchange;

impl Shared {
    /// Starts a span that a processor or a subscriber may observe.
    #[inline(never)]
    pub(super) fn start_observed<B>(
        &self,
        request: &mut Request<B>,
        new: NewSpan,
        is_observed: bool,
    ) -> StartedSpan {
        let trace = PooledContext::new(new.trace);
        let place = trace.get().expect("it has just been put in");
        let source = self.emitter.source();
        let span = tracing_span::open(self.kind, request, place, &source);
        let (mut scope, ticket) = if is_observed || self.processor.is_some() || !span.is_disabled()
        {
            let notes = self.record();
            #[cfg(feature = "istio")]
            let peers = self.exchange(request, &notes);
            let service = self.policy.load().service_name();
            let observers = SpanObservers {
                emitter: is_observed.then(|| self.emitter.clone()),
                notes: notes.clone(),
                #[cfg(feature = "istio")]
                peers,
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
    pub(super) fn start_untraced<B>(&self, request: &mut Request<B>) -> StartedSpan {
        let notes = self.record();
        #[cfg(feature = "istio")]
        let peers = self.exchange(request, &notes);
        let observers = SpanObservers {
            emitter: Some(self.emitter.clone()),
            notes: notes.clone(),
            #[cfg(feature = "istio")]
            peers,
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

    /// Takes the caller's names off a served request, or writes the own names into an attempt; returns the exchange for
    /// the response.
    #[cfg(feature = "istio")]
    fn exchange<B>(
        &self,
        request: &mut Request<B>,
        notes: &RecordRef,
    ) -> Option<Arc<PeerExchange>> {
        let peers = self.peers.as_ref()?;
        if self.kind != SpanKind::Server {
            peers.send(request.headers_mut());
            return Some(Arc::clone(peers));
        }
        let received = peers.receive(request);
        if let Some(peer) = received.peer {
            notes.set_peer(&peer);
        }
        received.is_asked.then(|| Arc::clone(peers))
    }

    fn record(&self) -> RecordRef {
        let kind = match self.kind {
            SpanKind::Attempt => RecordKind::Attempt,
            SpanKind::Client => RecordKind::Request,
            SpanKind::Server if self.forwards => RecordKind::Forwarded,
            SpanKind::Server => RecordKind::Served,
        };
        RecordRef::new(RequestRecord::new(kind))
    }
}
