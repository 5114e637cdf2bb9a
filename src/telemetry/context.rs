use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::remote::{Found, There};
use super::{InvalidTrace, Propagation, SpanId, TraceId, TracePolicy, b3, request_id, w3c};
use crate::base::dice::Dice;

/// A place in a trace: which trace, which span of it, and what goes along.
///
/// While a server or client layer runs what is inside it, [`TraceContext::current`] is that layer's
/// span. Cloning copies no text.
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
        let dice = Dice::default();
        Self {
            request_id: Some(request_id::make(&dice)),
            ..Self::root(&dice, sampled)
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
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, InvalidTrace> {
        let found = Found::read(headers, Propagation::ALL, There::look(headers));
        let Some(caller) = found.caller else {
            return found.invalid.map_or(Ok(None), Err);
        };
        let sampled = caller.sampled.unwrap_or(false);
        Ok(Some(Self {
            formats: found.formats,
            request_id: request_id::of(headers),
            ..caller.into_context(sampled)
        }))
    }

    /// Returns the next hop of this trace: a new span, whose parent is this one.
    #[must_use]
    pub fn child(&self) -> Self {
        self.clone().into_child(&Dice::default())
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
        let there = There::look(headers);
        self.write(&TracePolicy::default(), headers, there);
    }

    /// Writes this place over what is `there`.
    ///
    /// That a trace goes on costs this: 750 instructions with the value of `traceparent`, its one
    /// allocation, and 530 more if the map has to grow.
    pub(super) fn write(&self, policy: &TracePolicy, headers: &mut HeaderMap, there: There) {
        let formats = policy.formats_out(self.formats);
        if formats.contains(Propagation::W3C) {
            w3c::write(self, headers, there.tracestate);
        }
        b3::write(self, formats, headers);
        // One that somebody chose stands.
        if let Some(request_id) = &self.request_id
            && !there.request_id
        {
            request_id::write(request_id, headers);
        }
        let forwarded = self.forwarded.as_deref().map_or(&[][..], Vec::as_slice);
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

    pub(super) fn into_child(self, dice: &Dice) -> Self {
        Self {
            parent_id: Some(self.span_id),
            span_id: SpanId::random(dice),
            ..self
        }
    }

    /// A trace without a past.
    pub(super) fn root(dice: &Dice, sampled: bool) -> Self {
        Self {
            debug: false,
            formats: Propagation::NONE,
            forwarded: None,
            parent_id: None,
            random: false,
            request_id: None,
            sampled,
            span_id: SpanId::random(dice),
            trace_id: TraceId::random(dice),
            tracestate: None,
        }
    }
}
