//! Trace context in the headers of a request.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::b3::{self, B3Headers, Sampling};
use super::w3c;
use crate::foundation::http::HeaderScan;
use crate::policies::telemetry::context::request_id;
use crate::policies::telemetry::{ExtractError, Propagation, SpanId, TraceContext, TraceId};

/// Trace context of the caller.
#[derive(Clone, Debug)]
pub(in crate::policies::telemetry) struct RemoteContext {
    pub(in crate::policies::telemetry) debug: bool,
    pub(in crate::policies::telemetry) parent_id: Option<SpanId>,
    pub(in crate::policies::telemetry) random: bool,
    /// None if the caller leaves the decision to the receiver, which B3 allows.
    pub(in crate::policies::telemetry) sampled: Option<bool>,
    pub(in crate::policies::telemetry) span_id: SpanId,
    pub(in crate::policies::telemetry) trace_id: TraceId,
    pub(in crate::policies::telemetry) tracestate: Option<HeaderValue>,
}

impl RemoteContext {
    pub(in crate::policies::telemetry) const fn new(
        trace_id: TraceId,
        span_id: SpanId,
        sampled: Option<bool>,
    ) -> Self {
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

    /// Converts the caller's ids and flags to a trace context, without the other headers.
    pub(in crate::policies::telemetry) fn into_context(self, sampled: bool) -> TraceContext {
        TraceContext {
            call_id: None,
            debug: self.debug,
            formats: Propagation::NONE,
            forwarded: None,
            parent_id: self.parent_id,
            random: self.random,
            request_id: None,
            request_id_written: false,
            sampled,
            span_id: self.span_id,
            written: false,
            trace_id: self.trace_id,
            tracestate: self.tracestate.map(Arc::new),
        }
    }
}

/// Result of reading all trace headers.
#[derive(Debug, Default)]
pub(in crate::policies::telemetry) struct Extracted {
    pub(in crate::policies::telemetry) caller: Option<RemoteContext>,
    /// Formats that were present and readable.
    pub(in crate::policies::telemetry) formats: Propagation,
    /// Error of the first format that was present but not readable.
    pub(in crate::policies::telemetry) invalid: Option<ExtractError>,
    /// A sampling decision without ids.
    pub(in crate::policies::telemetry) sampling: Sampling,
}

impl Extracted {
    /// Reads the `accepted` formats. With several formats the first readable one of W3C, `b3` and
    /// `x-b3-*` counts.
    pub(in crate::policies::telemetry) fn extract(
        headers: &HeaderMap,
        accepted: Propagation,
        present: &TraceHeaders<'_>,
    ) -> Self {
        let mut found = Self::default();
        let wanted = |format| accepted.contains(format) && present.formats.contains(format);
        if wanted(Propagation::W3C) {
            let read = w3c::read(headers, present).map(|r| Some(B3Headers::Caller(r)));
            found.take(Propagation::W3C, read);
        }
        if wanted(Propagation::B3) {
            found.take(Propagation::B3, b3::read_single(headers));
        }
        if wanted(Propagation::B3_MULTI) {
            found.take(Propagation::B3_MULTI, b3::read_multi(headers));
        }
        found
    }

    fn take(&mut self, format: Propagation, read: Result<Option<B3Headers>, ExtractError>) {
        match read {
            Ok(None) => {}
            Ok(Some(said)) => {
                self.formats = self.formats.and(format);
                match said {
                    B3Headers::Caller(caller) => {
                        // The first readable format wins.
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

/// Trace headers present in a request. One scan of all names costs less than a failing lookup for
/// each of them.
#[derive(Debug, Default)]
pub(in crate::policies::telemetry) struct TraceHeaders<'a> {
    /// Facts for other layers, from the same pass over the headers.
    pub(in crate::policies::telemetry) scan: HeaderScan,
    pub(in crate::policies::telemetry) formats: Propagation,
    pub(in crate::policies::telemetry) request_id: Option<&'a HeaderValue>,
    pub(in crate::policies::telemetry) traceparent: Option<&'a HeaderValue>,
    pub(in crate::policies::telemetry) traceparent_twice: bool,
    pub(in crate::policies::telemetry) tracestate: bool,
}

impl<'a> TraceHeaders<'a> {
    pub(in crate::policies::telemetry) fn scan(headers: &'a HeaderMap) -> Self {
        let mut present = Self::default();
        for (name, value) in headers {
            let name = name.as_str();
            // The lengths of all trace headers, and of those of the scan, which few others have.
            if matches!(name.len(), 2 | 10..=12 | 17 | 30..) {
                present.record(name, value);
            }
        }
        present
    }

    #[inline(never)]
    fn record(&mut self, name: &str, value: &'a HeaderValue) {
        match name.as_bytes() {
            b"b3" => self.has(Propagation::B3),
            b"traceparent" => {
                self.has(Propagation::W3C);
                self.traceparent_twice = self.traceparent.replace(value).is_some();
            }
            b"tracestate" => self.tracestate = true,
            b"x-request-id" => {
                self.request_id.get_or_insert(value);
            }
            [b'x', b'-', b'b', b'3', b'-', ..] => self.has(Propagation::B3_MULTI),
            _ => self.scan.note(name, value),
        }
    }

    const fn has(&mut self, format: Propagation) {
        self.formats = self.formats.and(format);
    }

    /// Returns the facts that are needed when the trace is written.
    pub(in crate::policies::telemetry) const fn present(&self) -> PresentHeaders {
        PresentHeaders {
            request_id: self.request_id.is_some(),
            tracestate: self.tracestate,
        }
    }
}

/// Presence of headers that are not written in every trace.
#[derive(Clone, Copy, Debug)]
pub(in crate::policies::telemetry) struct PresentHeaders {
    pub(in crate::policies::telemetry) request_id: bool,
    pub(in crate::policies::telemetry) tracestate: bool,
}

impl PresentHeaders {
    /// Looks both headers up, which costs less than a scan of all names.
    pub(in crate::policies::telemetry) fn scan(headers: &HeaderMap) -> Self {
        Self {
            request_id: request_id::is_there(headers),
            tracestate: w3c::has_tracestate(headers),
        }
    }
}
