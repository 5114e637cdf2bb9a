#[cfg(feature = "serde")]
mod config;

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::foundation::http::{GrpcStatus, RequestHead};
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::Percent;

/// Shares of requests to delay and to abort.
///
/// Both are drawn independently: a request may be delayed, aborted, or delayed and then aborted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FaultInjectionPolicy {
    abort: Option<(Percent, Abort)>,
    as_upstream: bool,
    delay: Option<(Percent, Duration)>,
    by_header: bool,
    max_active: Option<u32>,
    only: Only,
}

/// Filter of the requests that can have a fault.
#[derive(Clone, Default)]
struct Only(Option<RequestFilter>);

type RequestFilter = Arc<dyn Fn(RequestHead<'_>) -> bool + Send + Sync>;

impl Debug for Only {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "some" } else { "all" })
    }
}

/// Filters are equal if both are the same function, or neither is set.
impl PartialEq for Only {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

impl Eq for Only {}

/// Response to an aborted request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Abort {
    /// A gRPC status. A caller without gRPC gets an HTTP 200, as from Envoy.
    Grpc(GrpcStatus),
    /// An HTTP status. A gRPC caller gets the gRPC status to which it maps.
    Http(StatusCode),
}

impl Abort {
    /// Returns the rejection of a request that is aborted so.
    pub(crate) const fn rejection(self, as_upstream: bool) -> Rejection {
        let (status, grpc_status) = match self {
            Self::Grpc(grpc_status) => (StatusCode::OK, grpc_status),
            Self::Http(status) => (status, GrpcStatus::from_http(status)),
        };
        Rejection::FaultInjected {
            as_upstream,
            grpc_status,
            status,
        }
    }
}

impl FaultInjectionPolicy {
    /// Creates a policy that injects nothing, which is also the default.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            abort: None,
            as_upstream: false,
            delay: None,
            by_header: false,
            max_active: None,
            only: Only(None),
        }
    }

    /// Sets the share of requests that are answered with `abort`, at once or after their delay. The
    /// default is none.
    ///
    /// The response is Envoy's: the body `fault filter abort`, response flag `FI`.
    #[must_use]
    pub const fn with_abort(mut self, share: Percent, abort: Abort) -> Self {
        self.abort = Some((share, abort));
        self
    }

    /// Sets the share of requests that wait for `delay` before they are forwarded. The default is
    /// none; a delay of zero has no effect.
    #[must_use]
    pub const fn with_delay(mut self, share: Percent, delay: Duration) -> Self {
        self.delay = Some((share, delay));
        self
    }

    /// Sets whether outer layers treat an injected abort as a response of the upstream. The default
    /// is false: faults are injected outside the retry and count against no endpoint, as in Envoy.
    ///
    /// To test retries and a circuit breaker, place the layer inside them and set this to true.
    #[must_use]
    pub const fn with_abort_as_upstream(mut self, as_upstream: bool) -> Self {
        self.as_upstream = as_upstream;
        self
    }

    /// Sets whether a request can ask for its own fault. The default is false.
    ///
    /// Envoy's headers apply: `x-envoy-fault-abort-request` (an HTTP status),
    /// `x-envoy-fault-abort-grpc-request` (a gRPC status), `x-envoy-fault-delay-request`
    /// (milliseconds), each with its `-percentage` header, which can lower the policy's share of
    /// the same kind but not raise it. The policy must set a share of the kind; the header then
    /// replaces the policy's own status or delay.
    #[must_use]
    pub const fn with_header_control(mut self, by_header: bool) -> Self {
        self.by_header = by_header;
        self
    }

    /// Sets how many requests may have a fault at a time; further ones pass without one. The
    /// default is no limit; 0 injects nothing.
    #[must_use]
    pub const fn with_max_active(mut self, max_active: u32) -> Self {
        self.max_active = Some(max_active);
        self
    }

    /// Restricts faults to requests for which `meant` returns true. The default is all requests.
    #[must_use]
    pub fn with_match(
        mut self,
        filter: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.only = Only(Some(Arc::new(filter)));
        self
    }

    pub(super) fn applies_to(&self, head: RequestHead<'_>) -> bool {
        self.only.0.as_ref().is_none_or(|filter| filter(head))
    }

    /// True if no request gets a fault.
    pub(super) const fn is_off(&self) -> bool {
        self.abort.is_none() && self.delay.is_none()
    }

    pub(crate) const fn abort(&self) -> Option<(Percent, Abort)> {
        self.abort
    }

    pub(super) const fn as_upstream(&self) -> bool {
        self.as_upstream
    }

    pub(super) const fn by_header(&self) -> bool {
        self.by_header
    }

    pub(crate) const fn delay(&self) -> Option<(Percent, Duration)> {
        self.delay
    }

    pub(super) const fn max_active(&self) -> Option<u32> {
        self.max_active
    }
}
