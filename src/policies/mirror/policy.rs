#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

use http::HeaderName;
use http::uri::Authority;

use super::machine::Limits;
use crate::foundation::sync::Percent;

/// Share of requests to copy, changes to the copies, and limits on their resources.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MirrorPolicy {
    authority: Option<Authority>,
    limits: Limits,
    marker: Option<HeaderName>,
    max_in_flight: u32,
    shadow_host: bool,
    share: Percent,
    timeout: Duration,
    trace_sampled: bool,
}

/// Default marker header of a copy.
const MARKER: HeaderName = HeaderName::from_static("x-meshless-mirror");
const MIB: usize = 1 << 20;

impl MirrorPolicy {
    /// Creates a policy that copies this share of the requests.
    #[must_use]
    pub const fn new(share: Percent) -> Self {
        Self {
            authority: None,
            limits: Limits {
                buffered: 32 * MIB,
                lag: 4 * MIB,
            },
            marker: Some(MARKER),
            max_in_flight: 100,
            shadow_host: false,
            share,
            timeout: Duration::from_secs(15),
            trace_sampled: false,
        }
    }

    /// Creates a policy that copies nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self::new(Percent::NONE)
    }

    /// Sets the share of requests that are copied. The default is all, as for Istio's `mirror`
    /// without a `mirrorPercentage`; [`Percent::NONE`] copies nothing.
    #[must_use]
    pub const fn with_share(mut self, share: Percent) -> Self {
        self.share = share;
        self
    }

    /// Sets the address of the copies, for a client that connects to the authority of the URI. By
    /// default they keep the original's, and the mirror's service decides.
    ///
    /// The `Host` header stays the original's, as in Istio.
    #[must_use]
    pub fn with_authority(mut self, authority: Authority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Sets whether the copy's `Host` gets `-shadow` after its name: `waste:8000` becomes
    /// `waste-shadow:8000`. The default is false, as in Istio since 1.28; Envoy and older Istio
    /// append it, and servers that check the host then refuse the copy.
    #[must_use]
    pub const fn with_shadow_host(mut self, shadow_host: bool) -> Self {
        self.shadow_host = shadow_host;
        self
    }

    /// Sets the header that marks a copy, with the value `true`; `None` for no marker. The default
    /// is `x-meshless-mirror`.
    ///
    /// A request with the marker is a copy already and is not copied again, so that two services
    /// that mirror to each other do not loop. Envoy has no such marker.
    #[must_use]
    pub fn with_marker(mut self, marker: impl Into<Option<HeaderName>>) -> Self {
        self.marker = marker.into();
        self
    }

    /// Sets how many copies may be in flight; further ones are dropped. The default is 100; with 0
    /// none is made.
    #[must_use]
    pub const fn with_max_in_flight(mut self, max_in_flight: u32) -> Self {
        self.max_in_flight = max_in_flight;
        self
    }

    /// Sets how many bytes of its body the mirror may lag behind the original before the copy is
    /// dropped. The default is 4 MiB; with 0 only requests without a body are copied.
    ///
    /// A frame of the original's body counts as a whole, so this is also the largest body that is
    /// copied from memory. Each frame counts 64 bytes on top of its data.
    #[must_use]
    pub const fn with_lag_limit(mut self, bytes: usize) -> Self {
        self.limits.lag = bytes;
        self
    }

    /// Sets how many bytes all copies together may buffer before the copy that needs more is
    /// dropped. The default is 32 MiB; with 0 only requests without a body are copied.
    #[must_use]
    pub const fn with_buffer_limit(mut self, bytes: usize) -> Self {
        self.limits.buffered = bytes;
        self
    }

    /// Sets the time for the mirror's response, measured from the end of the original's request, as
    /// in Envoy. The default is 15 seconds, that of Envoy's routes; 0 is no limit.
    ///
    /// While the original's request streams, its copy does too.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets whether a copy is sampled in traces if its original is. The default is false, as in
    /// Istio: the copy stays in its trace, with a span of its own whose sampling is off.
    #[must_use]
    pub const fn with_trace_sampled(mut self, trace_sampled: bool) -> Self {
        self.trace_sampled = trace_sampled;
        self
    }

    /// Returns the share of requests that is copied.
    #[must_use]
    pub const fn share(&self) -> Percent {
        self.share
    }

    pub(super) const fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) const fn marker(&self) -> Option<&HeaderName> {
        self.marker.as_ref()
    }

    pub(super) const fn max_in_flight(&self) -> u32 {
        self.max_in_flight
    }

    pub(super) const fn shadows_host(&self) -> bool {
        self.shadow_host
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) const fn trace_sampled(&self) -> bool {
        self.trace_sampled
    }
}

/// A policy that copies every request.
impl Default for MirrorPolicy {
    fn default() -> Self {
        Self::new(Percent::ALL)
    }
}
