use std::sync::Arc;

use http::HeaderName;

use super::Propagation;
use super::settings::Settings;
use crate::foundation::sync::Percent;

/// How traces are read, begun and passed on.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one setting of its own, and all combinations make sense"
)]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TracePolicy {
    accepted: Propagation,
    enabled: bool,
    forwarded: Vec<HeaderName>,
    preserves_request_id: bool,
    propagated: Propagation,
    request_id_in_response: bool,
    same_formats: bool,
    sampled: Percent,
    service: Option<Arc<str>>,
}

/// What Istio's documentation lists beside the formats that are understood here: Datadog, Google
/// Cloud, Lightstep, `OpenCensus` and Apache `SkyWalking`.
const VENDORS: [&str; 7] = [
    "grpc-trace-bin",
    "sw8",
    "x-cloud-trace-context",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-trace-id",
    "x-ot-span-context",
];

impl TracePolicy {
    /// A policy that does nothing: no span, no header, and the trace around it stays what it was.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            accepted: Propagation::NONE,
            enabled: false,
            forwarded: Vec::new(),
            preserves_request_id: true,
            propagated: Propagation::NONE,
            request_id_in_response: false,
            same_formats: false,
            sampled: Percent::NONE,
            service: None,
        }
    }

    /// Sets the formats that are read from a request. The default is all of them; headers of another
    /// are as good as missing.
    #[must_use]
    pub const fn with_accepted(mut self, accepted: Propagation) -> Self {
        self.accepted = accepted;
        self
    }

    /// Sets the formats that are written on each call, whatever the trace came in. The default is
    /// W3C's, which Istio's telemetry writes too.
    #[must_use]
    pub const fn with_propagated(mut self, propagated: Propagation) -> Self {
        self.propagated = propagated;
        self
    }

    /// Sets whether a trace also goes on in the formats in which it came. The default is yes, so that a
    /// neighbour who knows only B3 is not cut off.
    #[must_use]
    pub const fn with_same_formats(mut self, same_formats: bool) -> Self {
        self.same_formats = same_formats;
        self
    }

    /// Sets further headers that go from the incoming request to each call made for it. The default
    /// is none.
    ///
    /// A header that the call has already stands. With the header that a route matches on, such as
    /// `end-user` or `version`, a choice made at the front holds all the way through. Forward nothing
    /// secret: third parties are called too.
    #[must_use]
    pub fn with_forwarded(mut self, headers: impl IntoIterator<Item = HeaderName>) -> Self {
        self.forwarded = headers.into_iter().collect();
        self
    }

    /// Adds the trace headers of other systems that Istio's documentation asks an application to
    /// forward: `grpc-trace-bin`, `sw8`, `x-cloud-trace-context`, `x-datadog-*` and
    /// `x-ot-span-context`. They go on as they came.
    #[must_use]
    pub fn with_vendors_forwarded(mut self) -> Self {
        let vendors = VENDORS.into_iter().map(HeaderName::from_static);
        self.forwarded.extend(vendors);
        self
    }

    /// Sets whether an `x-request-id` that comes with a request is kept. The default is yes, as in a
    /// sidecar, whose callers are other sidecars; Envoy at the edge of a mesh replaces what the outside
    /// sends (`preserve_external_request_id` is off there), and so should a server that faces it.
    ///
    /// One that is empty, over 256 bytes or not text is replaced in any case.
    #[must_use]
    pub const fn with_request_id_preserved(mut self, keeps_request_id: bool) -> Self {
        self.preserves_request_id = keeps_request_id;
        self
    }

    /// Sets whether the server's response tells its `x-request-id`. The default is no, which is
    /// Envoy's (`always_set_request_id_in_response`).
    #[must_use]
    pub const fn with_request_id_in_response(mut self, request_id_in_response: bool) -> Self {
        self.request_id_in_response = request_id_in_response;
        self
    }

    /// Sets which share of the traces that begin here asks to be recorded. The default is all;
    /// Istio's is 1 %. A trace that comes with a decision keeps it.
    #[must_use]
    pub const fn with_sampled(mut self, sampled: Percent) -> Self {
        self.sampled = sampled;
        self
    }

    /// Sets the name of this service in what a [`SpanProcessor`](super::SpanProcessor) gets,
    /// OpenTelemetry's `service.name`. The default is none.
    #[must_use]
    pub fn with_service(mut self, service: impl Into<Arc<str>>) -> Self {
        self.service = Some(service.into());
        self
    }

    /// The name of this service.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    pub(super) fn service_name(&self) -> Option<Arc<str>> {
        self.service.clone()
    }

    pub(super) fn forwarded(&self) -> &[HeaderName] {
        &self.forwarded
    }

    /// Returns all of it but the names.
    pub(super) const fn settings(&self) -> Settings {
        Settings::new(self.accepted, self.propagated, self.sampled)
            .with(Settings::ENABLED, self.enabled)
            .with(Settings::FORWARDS, !self.forwarded.is_empty())
            .with(Settings::PRESERVES_REQUEST_ID, self.preserves_request_id)
            .with(Settings::SAME_FORMATS, self.same_formats)
            .with(Settings::WRITES_REQUEST_ID, self.request_id_in_response)
    }
}

impl Default for TracePolicy {
    fn default() -> Self {
        Self {
            accepted: Propagation::ALL,
            enabled: true,
            propagated: Propagation::W3C,
            same_formats: true,
            sampled: Percent::ALL,
            ..Self::off()
        }
    }
}
