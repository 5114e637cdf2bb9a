pub(in crate::policies::telemetry) mod current;
pub(in crate::policies::telemetry) mod ids;
pub(in crate::policies::telemetry) mod instrumented;
pub(in crate::policies::telemetry) mod pooled_context;
pub(in crate::policies::telemetry) mod span;
pub(in crate::policies::telemetry) mod span_data;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::propagation::remote_context::{Extracted, PresentHeaders, TraceHeaders};
use super::propagation::{b3, request_id, w3c};
use super::{ExtractError, Propagation, SpanId, TraceId, TracePolicy};
use crate::foundation::sync::rng::Rng;

/// A place in a trace: which trace, which span of it, and what goes along.
///
/// While a server or client layer runs what is inside it, [`TraceContext::current`] is that layer's
/// span. Cloning copies no text.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of its own, and all combinations occur"
)]
#[derive(Clone, Debug)]
pub struct TraceContext {
    pub(super) debug: bool,
    /// The formats in which the trace came.
    pub(super) formats: Propagation,
    // What few requests bring lies elsewhere: a context moves with its call, several times.
    pub(super) forwarded: Option<Arc<Vec<(HeaderName, HeaderValue)>>>,
    pub(super) parent_id: Option<SpanId>,
    pub(super) random: bool,
    pub(super) request_id: Option<HeaderValue>,
    pub(super) sampled: bool,
    pub(super) span_id: SpanId,
    /// The call has the headers that all its attempts have in common.
    pub(super) written: bool,
    pub(super) trace_id: TraceId,
    pub(super) tracestate: Option<Arc<HeaderValue>>,
}

impl TraceContext {
    /// Begins a trace with random ids, to be recorded or not as `sampled` says, and with a request id
    /// of its own.
    ///
    /// For work that no request began, such as a timer's; see [`scoped`](Self::scoped).
    #[must_use]
    pub fn begin(sampled: bool) -> Self {
        let rng = Rng::default();
        Self {
            request_id: Some(request_id::make(&rng)),
            ..Self::root(&rng, sampled)
        }
    }

    /// Reads the caller's place from the headers of a request; none if there are no ids.
    ///
    /// Where several formats are there, the first of W3C, `b3` and `x-b3-*` that can be read counts. A
    /// B3 caller that leaves the sampling decision to its receiver reads as not sampled.
    ///
    /// # Errors
    ///
    /// If there are trace headers and none can be read.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, ExtractError> {
        let present = TraceHeaders::scan(headers);
        let found = Extracted::extract(headers, Propagation::ALL, &present);
        let Some(caller) = found.caller else {
            return found.invalid.map_or(Ok(None), Err);
        };
        let sampled = caller.sampled.unwrap_or(false);
        Ok(Some(Self {
            formats: found.formats,
            request_id: present.request_id.and_then(request_id::read),
            ..caller.into_context(sampled)
        }))
    }

    /// Returns the next hop of this trace: a new span, whose parent is this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            written: false,
            ..self.child_with(&Rng::default())
        }
    }

    /// The trace that all of it belongs to.
    #[must_use]
    pub const fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// This hop.
    #[must_use]
    pub const fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The hop that called this one; none at the trace's beginning.
    #[must_use]
    pub const fn parent_id(&self) -> Option<SpanId> {
        self.parent_id
    }

    /// Says whether the trace's beginning asked everybody to record it.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The request's `x-request-id`, if it has one that is text.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_ref()?.to_str().ok()
    }

    /// The `tracestate` of the vendors on the way; none if there was none, or a wrong one.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_ref()?.to_str().ok()
    }

    /// Writes this place into `headers`, over what is there, as [`TracePolicy::default`] says: in W3C's
    /// format and those in which the trace came.
    pub fn write_to(&self, headers: &mut HeaderMap) {
        let present_headers = PresentHeaders::scan(headers);
        let formats = TracePolicy::default().settings().formats_out(self.formats);
        self.write_common(formats, headers, present_headers);
        self.write_own(formats, headers);
    }

    /// Writes the headers of this span alone, over what is there.
    ///
    /// That a trace goes on costs this: 640 instructions with the value of `traceparent`, its one
    /// allocation, and 530 more if the map has to grow.
    pub(super) fn write_own(&self, formats: Propagation, headers: &mut HeaderMap) {
        if formats.contains(Propagation::W3C) {
            w3c::write_parent(self, headers);
        }
        b3::write(self, formats, headers);
    }

    /// Writes the headers that all spans of a call have in common.
    pub(super) fn write_common(
        &self,
        formats: Propagation,
        headers: &mut HeaderMap,
        present_headers: PresentHeaders,
    ) {
        if formats.contains(Propagation::W3C) {
            w3c::write_state(self, headers, present_headers.tracestate);
        }
        // One that somebody chose stands.
        if let Some(request_id) = &self.request_id
            && !present_headers.request_id
        {
            request_id::write(request_id, headers);
        }
        let Some(forwarded) = &self.forwarded else {
            return;
        };
        for values in forwarded.chunk_by(|one, next| one.0 == next.0) {
            // What the handler itself wrote stands.
            if headers.contains_key(&values[0].0) {
                continue;
            }
            for (name, value) in values {
                headers.append(name, value.clone());
            }
        }
    }

    /// Returns the next hop; its headers are to be told as this one's.
    pub(super) fn child_with(&self, rng: &Rng) -> Self {
        Self {
            forwarded: self.forwarded.clone(),
            parent_id: Some(self.span_id),
            request_id: self.request_id.clone(),
            span_id: SpanId::random(rng),
            tracestate: self.tracestate.clone(),
            ..*self
        }
    }

    pub(super) fn into_child(self, rng: &Rng) -> Self {
        Self {
            parent_id: Some(self.span_id),
            span_id: SpanId::random(rng),
            ..self
        }
    }

    /// A trace without a past.
    pub(super) fn root(rng: &Rng, sampled: bool) -> Self {
        Self {
            debug: false,
            formats: Propagation::NONE,
            forwarded: None,
            parent_id: None,
            random: false,
            request_id: None,
            sampled,
            span_id: SpanId::random(rng),
            written: false,
            trace_id: TraceId::random(rng),
            tracestate: None,
        }
    }
}
