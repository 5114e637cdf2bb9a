//! Headers that only the services of the mesh are to see, on requests to others.

use http::{HeaderMap, HeaderName};

use crate::istio::config::Location;
use crate::policies::telemetry::{TraceContext, TracePolicy};

/// Headers that a route writes when it rewrites a request.
static OF_REWRITES: [HeaderName; 2] = [
    HeaderName::from_static("x-envoy-original-host"),
    HeaderName::from_static("x-envoy-original-path"),
];

/// Headers that are kept back from a destination outside the mesh.
///
/// The layers around it write none of theirs there; these are those written before the destination was known.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::mesh) struct Withheld {
    b3: bool,
    envoy: EnvoyHeaders,
    request_id: bool,
}

/// Headers of Envoy that are kept back.
#[derive(Clone, Copy, Debug, Default)]
enum EnvoyHeaders {
    /// Those of the caller too: it did not write them for this destination.
    All,
    #[default]
    None,
    /// Those that a route has written.
    OfRoute,
}

impl Withheld {
    /// Returns the headers that a destination does not get; `is_forwarded` if the request is not of the caller's own
    /// making: at a gateway, and for a copy.
    pub(in crate::mesh) const fn from(
        location: Location,
        trace: &TracePolicy,
        is_forwarded: bool,
    ) -> Self {
        match location {
            Location::External => Self {
                b3: !trace.sends_same_formats(),
                envoy: if is_forwarded {
                    EnvoyHeaders::All
                } else {
                    EnvoyHeaders::OfRoute
                },
                request_id: !trace.sends_request_id(),
            },
            Location::Internal => Self {
                b3: false,
                envoy: EnvoyHeaders::None,
                request_id: false,
            },
        }
    }

    /// Removes them.
    #[inline]
    pub(in crate::mesh) fn take_off(self, headers: &mut HeaderMap) {
        match self.envoy {
            EnvoyHeaders::All => self.remove_all(headers),
            EnvoyHeaders::None => {}
            EnvoyHeaders::OfRoute => self.remove_own(headers),
        }
    }

    #[inline(never)]
    fn remove_own(self, headers: &mut HeaderMap) {
        for name in &OF_REWRITES {
            headers.remove(name);
        }
        // The one that the application has set is its own affair.
        if self.request_id && TraceContext::has_written_request_id() {
            headers.remove("x-request-id");
        }
    }

    #[inline(never)]
    fn remove_all(self, headers: &mut HeaderMap) {
        let names = headers.keys().filter(|name| self.has(name.as_str()));
        let names: Vec<_> = names.cloned().collect();
        for name in names {
            headers.remove(name);
        }
    }

    fn has(self, name: &str) -> bool {
        match name {
            "b3" => self.b3,
            "x-request-id" => self.request_id,
            _ if name.starts_with("x-b3-") => self.b3,
            _ => name.starts_with("x-envoy-"),
        }
    }
}
