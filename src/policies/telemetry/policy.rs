#[cfg(feature = "serde")]
mod config;

use std::sync::Arc;

use http::HeaderName;

use super::Propagation;
use super::settings::Settings;
use crate::foundation::sync::Percent;

/// Formats, sampling and propagation of traces.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TracePolicy {
    accepted: Propagation,
    enabled: bool,
    forwarded: Vec<HeaderName>,
    preserves_request_id: bool,
    propagated: Propagation,
    /// Unset: only to hosts inside a mesh.
    request_id_in_request: Option<bool>,
    request_id_in_response: bool,
    /// Unset: only to hosts inside a mesh.
    same_formats: Option<bool>,
    sampled: Percent,
    service: Option<Arc<str>>,
}

/// Headers that Istio's documentation lists besides the formats supported here: Datadog, Google
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
    /// Creates a policy that is off: no span, no header, and the surrounding trace stays current.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            accepted: Propagation::NONE,
            enabled: false,
            forwarded: Vec::new(),
            preserves_request_id: true,
            propagated: Propagation::NONE,
            request_id_in_request: Some(false),
            request_id_in_response: false,
            same_formats: Some(false),
            sampled: Percent::NONE,
            service: None,
        }
    }

    /// Sets the formats that are read from a request. The default is all of them; headers of other
    /// formats are ignored.
    #[must_use]
    pub const fn with_accepted(mut self, accepted: Propagation) -> Self {
        self.accepted = accepted;
        self
    }

    /// Sets the formats that are written on each call, in addition to those received. The default
    /// is W3C's, which Istio's telemetry writes too.
    #[must_use]
    pub const fn with_propagated(mut self, propagated: Propagation) -> Self {
        self.propagated = propagated;
        self
    }

    /// Sets whether a trace is also propagated in the formats in which it was received. By default it is to the
    /// hosts inside a mesh, so that a service that supports only B3 is not cut off, and not to others, nor by a
    /// stack put together by hand.
    #[must_use]
    pub const fn with_same_formats(mut self, same_formats: bool) -> Self {
        self.same_formats = Some(same_formats);
        self
    }

    /// Sets further headers that are copied from the incoming request to each call made for it. The
    /// default is none.
    ///
    /// A header that the call already has is not replaced. With the header that a route matches on,
    /// such as `end-user` or `version`, a choice made at the edge applies in all services. Do not
    /// forward secrets: third parties are called too.
    #[must_use]
    pub fn with_forwarded(mut self, headers: impl IntoIterator<Item = HeaderName>) -> Self {
        self.forwarded = headers.into_iter().collect();
        self
    }

    /// Adds the trace headers of other systems that Istio's documentation asks an application to
    /// forward: `grpc-trace-bin`, `sw8`, `x-cloud-trace-context`, `x-datadog-*` and
    /// `x-ot-span-context`. They are forwarded unchanged.
    #[must_use]
    pub fn with_vendors_forwarded(mut self) -> Self {
        let vendors = VENDORS.into_iter().map(HeaderName::from_static);
        self.forwarded.extend(vendors);
        self
    }

    /// Sets whether the `x-request-id` of a request is kept. The default is true, as in a sidecar,
    /// whose callers are other sidecars. Envoy at the edge of a mesh replaces external ids
    /// (`preserve_external_request_id` is off there), and so should a server at the edge.
    ///
    /// An id that is empty, longer than 256 bytes or not text is always replaced.
    #[must_use]
    pub const fn with_request_id_preserved(mut self, keeps_request_id: bool) -> Self {
        self.preserves_request_id = keeps_request_id;
        self
    }

    /// Sets whether calls carry the `x-request-id`. By default those to the hosts inside a mesh do, and others do
    /// not, nor those of a stack put together by hand: an id that joins the log lines of one's own services is no
    /// stranger's business. An id that the caller has set stays.
    #[must_use]
    pub const fn with_request_id_in_request(mut self, request_id_in_request: bool) -> Self {
        self.request_id_in_request = Some(request_id_in_request);
        self
    }

    /// Sets whether the server's response carries the `x-request-id`. The default is false, as in
    /// Envoy (`always_set_request_id_in_response`).
    #[must_use]
    pub const fn with_request_id_in_response(mut self, request_id_in_response: bool) -> Self {
        self.request_id_in_response = request_id_in_response;
        self
    }

    /// Sets the share of traces started here that are sampled. The default is all; Istio's is 1 %.
    /// A trace that arrives with a decision keeps it.
    #[must_use]
    pub const fn with_sampled(mut self, sampled: Percent) -> Self {
        self.sampled = sampled;
        self
    }

    /// Sets the name of this service in the data for a [`SpanProcessor`](super::SpanProcessor),
    /// OpenTelemetry's `service.name`. The default is none.
    #[must_use]
    pub fn with_service(mut self, service: impl Into<Arc<str>>) -> Self {
        self.service = Some(service.into());
        self
    }

    /// Returns the name of this service.
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

    /// Returns this policy for calls to hosts inside a mesh.
    #[cfg(feature = "istio")]
    #[must_use]
    pub(crate) fn internal(mut self) -> Self {
        self.request_id_in_request.get_or_insert(true);
        self.same_formats.get_or_insert(true);
        self
    }

    /// Says that calls to any host carry the `x-request-id`.
    pub(crate) const fn sends_request_id(&self) -> bool {
        matches!(self.request_id_in_request, Some(true))
    }

    /// Says that a trace is propagated to any host in the formats in which it was received.
    pub(crate) const fn sends_same_formats(&self) -> bool {
        matches!(self.same_formats, Some(true))
    }

    /// Returns the settings, which are the policy without its names.
    pub(super) const fn settings(&self) -> Settings {
        Settings::new(self.accepted, self.propagated, self.sampled)
            .with(Settings::ENABLED, self.enabled)
            .with(Settings::FORWARDS, !self.forwarded.is_empty())
            .with(Settings::PRESERVES_REQUEST_ID, self.preserves_request_id)
            .with(Settings::SAME_FORMATS, self.sends_same_formats())
            .with(Settings::SENDS_REQUEST_ID, self.sends_request_id())
            .with(Settings::WRITES_REQUEST_ID, self.request_id_in_response)
    }
}

impl Default for TracePolicy {
    fn default() -> Self {
        Self {
            accepted: Propagation::ALL,
            enabled: true,
            propagated: Propagation::W3C,
            request_id_in_request: None,
            same_formats: None,
            sampled: Percent::ALL,
            ..Self::off()
        }
    }
}
