pub(in crate::policies::telemetry) mod current;
pub(in crate::policies::telemetry) mod hex;
pub(in crate::policies::telemetry) mod ids;
pub(in crate::policies::telemetry) mod instrumented;
pub(in crate::policies::telemetry) mod pooled_context;
pub(in crate::policies::telemetry) mod request_id;
pub(in crate::policies::telemetry) mod span;
pub(in crate::policies::telemetry) mod span_data;

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::{Propagation, SpanId, TraceId};
use crate::foundation::sync::rng::Rng;

/// Position in a trace: trace id, span id, and the headers that are propagated with them.
///
/// Inside a server or client layer, [`TraceContext::current`] is that layer's span. Cloning copies
/// no text.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of its own, and all combinations occur"
)]
#[derive(Clone, Debug)]
pub struct TraceContext {
    /// Id of the span of a call that lends its context to its attempts, one after another: each
    /// takes its id in it. Only calls that nothing observes do, so that a call has one context.
    pub(super) call_id: Option<SpanId>,
    pub(super) debug: bool,
    /// Formats in which the trace was received.
    pub(super) formats: Propagation,
    // Rare parts are behind a pointer: a context is moved with its call several times.
    pub(super) forwarded: Option<Arc<Vec<(HeaderName, HeaderValue)>>>,
    pub(super) parent_id: Option<SpanId>,
    pub(super) random: bool,
    pub(super) request_id: Option<HeaderValue>,
    /// True if a client layer has written the request id into the headers of the call.
    pub(super) request_id_written: bool,
    pub(super) sampled: bool,
    pub(super) span_id: SpanId,
    /// True if the call already has the headers that all its attempts share.
    pub(super) written: bool,
    pub(super) trace_id: TraceId,
    pub(super) tracestate: Option<Arc<HeaderValue>>,
}

impl TraceContext {
    /// Starts a trace with random ids, the given `sampled` flag, and a request id of its own.
    ///
    /// For work that is not part of a request, such as a timer's; see [`scoped`](Self::scoped).
    #[must_use]
    pub fn begin(sampled: bool) -> Self {
        let rng = Rng::default();
        Self {
            request_id: Some(request_id::make(&rng)),
            ..Self::root(&rng, sampled)
        }
    }

    /// Returns a child context: a new span whose parent is this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            // A new call, without any headers yet.
            written: false,
            ..self.child_with(&Rng::default())
        }
    }

    /// Returns the id of the trace.
    #[must_use]
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the id of this span.
    #[must_use]
    pub const fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Returns the id of the parent span; none for the root of the trace.
    #[must_use]
    pub const fn parent_id(&self) -> Option<SpanId> {
        self.parent_id
    }

    /// Returns true if the root of the trace decided that it is recorded.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Returns the `x-request-id`, if there is one and it is text.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_ref()?.to_str().ok()
    }

    /// Returns the vendors' `tracestate`; none if it was missing or invalid.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_ref()?.to_str().ok()
    }

    /// Says that the request id in the headers of the running call is a client layer's, not the caller's.
    #[cfg(feature = "istio")]
    pub(crate) fn has_written_request_id() -> bool {
        Self::of_current(|current| current.request_id_written).unwrap_or(false)
    }

    /// Returns a child context; its headers are to be written as for this one.
    pub(super) fn child_with(&self, rng: &Rng) -> Self {
        Self {
            call_id: None,
            forwarded: self.forwarded.clone(),
            parent_id: Some(self.span_id),
            request_id: self.request_id.clone(),
            span_id: SpanId::random(rng),
            tracestate: self.tracestate.clone(),
            // The rest is copied: ids and flags, and `formats` and `written` of the call.
            ..*self
        }
    }

    /// Makes this the context of the call's next attempt; returns false if the call does not lend it.
    #[inline]
    pub(super) fn start_attempt(&mut self, rng: &Rng) -> bool {
        if self.call_id.is_some() {
            self.parent_id = self.call_id;
            self.span_id = SpanId::random(rng);
        }
        self.call_id.is_some()
    }

    pub(super) fn into_child(self, rng: &Rng) -> Self {
        Self {
            parent_id: Some(self.span_id),
            span_id: SpanId::random(rng),
            ..self
        }
    }

    /// Creates the root of a new trace.
    pub(super) fn root(rng: &Rng, sampled: bool) -> Self {
        Self {
            call_id: None,
            debug: false,
            formats: Propagation::NONE,
            forwarded: None,
            parent_id: None,
            random: false,
            request_id: None,
            request_id_written: false,
            sampled,
            span_id: SpanId::random(rng),
            written: false,
            trace_id: TraceId::random(rng),
            tracestate: None,
        }
    }
}
