//! Extraction of the trace context from a request, or the start of a trace.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::b3::Sampling;
use super::remote_context::{Extracted, TraceHeaders};
use crate::policies::telemetry::context::request_id;
use crate::policies::telemetry::settings::Settings;
use crate::policies::telemetry::shared::Shared;
use crate::policies::telemetry::{ExtractError, SpanKind, TraceContext, TracePolicy};

impl Shared {
    /// Continues the trace in the headers, or the current one, or starts one.
    pub(in crate::policies::telemetry) fn extract(
        &self,
        settings: Settings,
        headers: &HeaderMap,
        present: &TraceHeaders<'_>,
    ) -> (TraceContext, Option<ExtractError>) {
        let found = if present.formats.is_none() {
            Extracted::default()
        } else {
            Extracted::extract(headers, settings.accepted(), present)
        };
        // Reported only if no other format was readable: such a trace is continued.
        let invalid = found.invalid.filter(|_| found.caller.is_none());
        let mut trace = match found.caller {
            Some(caller) => {
                let sampled = caller.sampled.unwrap_or_else(|| self.samples(settings));
                caller.into_context(sampled).into_child(&self.rng)
            }
            None => self
                .outer()
                .unwrap_or_else(|| self.begin(found.sampling, settings)),
        };
        trace.formats = trace.formats.and(found.formats);
        if settings.has(Settings::FORWARDS)
            && let Some(forwarded) = forwarded(headers, &self.policy.load())
        {
            trace.forwarded = Some(forwarded);
        }
        let kept = present
            .request_id
            .filter(|_| settings.has(Settings::PRESERVES_REQUEST_ID));
        if let Some(kept) = kept.and_then(request_id::read) {
            trace.request_id = Some(kept);
        } else if trace.request_id.is_none() {
            trace.request_id = Some(request_id::make(&self.rng));
        }
        (trace, invalid)
    }

    /// Returns a child of the current trace, if an outer layer of this crate has started one.
    /// Client and attempt layers check that before they read the headers.
    fn outer(&self) -> Option<TraceContext> {
        match self.kind {
            SpanKind::Server => TraceContext::of_current(TraceContext::child),
            SpanKind::Attempt | SpanKind::Client => None,
        }
    }

    fn begin(&self, sampling: Sampling, settings: Settings) -> TraceContext {
        let sampled = sampling.sampled;
        let sampled = sampled.unwrap_or_else(|| self.samples(settings));
        TraceContext {
            debug: sampling.debug,
            ..TraceContext::root(&self.rng, sampled)
        }
    }

    fn samples(&self, settings: Settings) -> bool {
        settings.samples(|| self.rng.next_u64())
    }
}

/// Returns the headers to forward; does not allocate if there are none.
fn forwarded(
    headers: &HeaderMap,
    policy: &TracePolicy,
) -> Option<Arc<Vec<(HeaderName, HeaderValue)>>> {
    let present = |name: &&HeaderName| headers.contains_key(*name);
    if !policy.forwarded().iter().any(|name| present(&name)) {
        return None;
    }
    let all = policy.forwarded().iter().flat_map(|name| {
        let values = headers.get_all(name).iter();
        values.map(|value| (name.clone(), value.clone()))
    });
    Some(Arc::new(all.collect()))
}
