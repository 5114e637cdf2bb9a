//! Trace context, read from headers and written into them.

use http::HeaderMap;

use super::remote_context::{Extracted, PresentHeaders, TraceHeaders};
use super::{b3, w3c};
use crate::policies::telemetry::context::request_id;
use crate::policies::telemetry::{ExtractError, Propagation, TraceContext};

impl TraceContext {
    /// Reads the caller's context from the headers of a request; returns none if there are no ids.
    ///
    /// With several formats the first readable one of W3C, `b3` and `x-b3-*` counts. A B3 caller
    /// that leaves the sampling decision to its receiver is read as not sampled.
    ///
    /// # Errors
    ///
    /// If there are trace headers and none of them is readable.
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

    /// Writes this context into `headers` and replaces existing values: in W3C's format and those in which the
    /// trace was received, with the `x-request-id`. It is for a service of one's own.
    pub fn write_to(&self, headers: &mut HeaderMap) {
        let present_headers = PresentHeaders::scan(headers);
        let formats = Propagation::W3C.and(self.formats);
        self.write_request_id(headers, present_headers);
        self.write_common(formats, headers, present_headers);
        self.write_own(formats, headers);
    }

    /// Writes the headers with this span's id, and replaces existing values.
    ///
    /// The propagation of a trace costs this: 640 instructions with the value of `traceparent`, its
    /// one allocation, and 530 more if the map has to grow.
    pub(in crate::policies::telemetry) fn write_own(
        &self,
        formats: Propagation,
        headers: &mut HeaderMap,
    ) {
        if formats.contains(Propagation::W3C) {
            w3c::write_parent(self, headers);
        }
        b3::write(self, formats, headers);
    }

    /// Writes the headers that all spans of a call share.
    pub(in crate::policies::telemetry) fn write_common(
        &self,
        formats: Propagation,
        headers: &mut HeaderMap,
        present_headers: PresentHeaders,
    ) {
        if formats.contains(Propagation::W3C) {
            w3c::write_state(self, headers, present_headers.tracestate);
        }
        let Some(forwarded) = &self.forwarded else {
            return;
        };
        for values in forwarded.chunk_by(|one, next| one.0 == next.0) {
            // A header that the handler set stays.
            if headers.contains_key(&values[0].0) {
                continue;
            }
            for (name, value) in values {
                headers.append(name, value.clone());
            }
        }
    }

    /// Writes the request id, and says so; one that the handler set stays.
    pub(in crate::policies::telemetry) fn write_request_id(
        &self,
        headers: &mut HeaderMap,
        present_headers: PresentHeaders,
    ) -> bool {
        match &self.request_id {
            Some(request_id) if !present_headers.request_id => {
                request_id::write(request_id, headers);
                true
            }
            _ => false,
        }
    }
}
