//! What a request's headers say about the trace that it belongs to.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::b3::{self, B3Headers, Sampling};
use super::{InvalidTrace, Propagation, SpanId, TraceContext, TraceId, w3c};

/// The caller's place in its trace.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub(super) debug: bool,
    pub(super) parent_id: Option<SpanId>,
    pub(super) random: bool,
    /// None if the caller leaves the decision to us, which B3 allows.
    pub(super) sampled: Option<bool>,
    pub(super) span_id: SpanId,
    pub(super) trace_id: TraceId,
    pub(super) tracestate: Option<HeaderValue>,
}

impl Remote {
    pub(super) const fn new(trace_id: TraceId, span_id: SpanId, sampled: Option<bool>) -> Self {
        Self {
            debug: false,
            parent_id: None,
            random: false,
            sampled,
            span_id,
            trace_id,
            tracestate: None,
        }
    }

    /// Returns the caller's place, without what the other headers add to it.
    pub(super) fn into_context(self, sampled: bool) -> TraceContext {
        TraceContext {
            debug: self.debug,
            formats: Propagation::NONE,
            forwarded: None,
            parent_id: self.parent_id,
            random: self.random,
            request_id: None,
            sampled,
            span_id: self.span_id,
            trace_id: self.trace_id,
            tracestate: self.tracestate.map(Arc::new),
        }
    }
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) caller: Option<Remote>,
    /// The formats that were there and readable.
    pub(super) formats: Propagation,
    /// Why the first format that was there but unreadable was so.
    pub(super) invalid: Option<InvalidTrace>,
    /// A decision without ids.
    pub(super) sampling: Sampling,
}

impl Found {
    /// Looks for the `accepted` formats. Where several are there the first of W3C, `b3` and `x-b3-*`
    /// that can be read counts.
    pub(super) fn read(headers: &HeaderMap, accepted: Propagation, there: There) -> Self {
        let mut found = Self::default();
        let wanted = |format| accepted.contains(format) && there.formats.contains(format);
        if wanted(Propagation::W3C) {
            found.take(
                Propagation::W3C,
                w3c::read(headers).map(|r| r.map(B3Headers::Caller)),
            );
        }
        if wanted(Propagation::B3) {
            found.take(Propagation::B3, b3::read_single(headers));
        }
        if wanted(Propagation::B3_MULTI) {
            found.take(Propagation::B3_MULTI, b3::read_multi(headers));
        }
        found
    }

    fn take(&mut self, format: Propagation, read: Result<Option<B3Headers>, InvalidTrace>) {
        match read {
            Ok(None) => {}
            Ok(Some(said)) => {
                self.formats = self.formats.and(format);
                match said {
                    B3Headers::Caller(caller) => {
                        self.caller.get_or_insert(caller);
                    }
                    B3Headers::Decision(sampling) if self.sampling.sampled.is_none() => {
                        self.sampling = sampling;
                    }
                    B3Headers::Decision(_) => {}
                }
            }
            Err(invalid) => {
                self.invalid.get_or_insert(invalid);
            }
        }
    }
}

/// The headers of a trace that a request has. One look at all names costs less than a search for each that
/// finds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct There {
    formats: Propagation,
    pub(super) request_id: bool,
    pub(super) tracestate: bool,
}

impl There {
    pub(super) fn look(headers: &HeaderMap) -> Self {
        let mut there = Self::default();
        for name in headers.keys() {
            match name.as_str().as_bytes() {
                b"b3" => there.has(Propagation::B3),
                b"traceparent" => there.has(Propagation::W3C),
                b"tracestate" => there.tracestate = true,
                b"x-request-id" => there.request_id = true,
                [b'x', b'-', b'b', b'3', b'-', ..] => there.has(Propagation::B3_MULTI),
                _ => {}
            }
        }
        there
    }

    const fn has(&mut self, format: Propagation) {
        self.formats = self.formats.and(format);
    }
}
