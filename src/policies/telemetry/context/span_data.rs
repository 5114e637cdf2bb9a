use std::fmt::{self, Debug, Display, Formatter};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode, Uri};

use crate::foundation::outcome::Outcome;
use crate::policies::telemetry::{SpanId, TraceContext, TraceId};

/// Which part of a request's way a span is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SpanKind {
    /// One try of a call; the call's retry layer makes several.
    Attempt,
    /// A call that is made, with all its tries and waits.
    Client,
    /// A request that is served.
    Server,
}

impl SpanKind {
    /// Returns its name: `attempt`, `client` or `server`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// A hop that is over, with the time that it took.
#[derive(Clone, Debug)]
pub struct SpanData {
    pub(in crate::policies::telemetry) attempt: Option<u32>,
    pub(in crate::policies::telemetry) duration: Duration,
    pub(in crate::policies::telemetry) kind: SpanKind,
    pub(in crate::policies::telemetry) method: Method,
    pub(in crate::policies::telemetry) outcome: Outcome,
    pub(in crate::policies::telemetry) service: Option<Arc<str>>,
    pub(in crate::policies::telemetry) started: Instant,
    pub(in crate::policies::telemetry) status: Option<StatusCode>,
    pub(in crate::policies::telemetry) trace: TraceContext,
    pub(in crate::policies::telemetry) uri: Uri,
}

impl SpanData {
    /// The trace that it belongs to.
    #[must_use]
    pub const fn trace_id(&self) -> TraceId {
        self.trace.trace_id()
    }

    /// Its own id, which is what the next hop was told.
    #[must_use]
    pub const fn span_id(&self) -> SpanId {
        self.trace.span_id()
    }

    /// The id of the hop that called; none at the trace's beginning.
    #[must_use]
    pub const fn parent_id(&self) -> Option<SpanId> {
        self.trace.parent_id()
    }

    /// The place in the trace, with the request id and whether it is sampled.
    #[must_use]
    pub const fn trace(&self) -> &TraceContext {
        &self.trace
    }

    /// Which part of the way it is.
    #[must_use]
    pub const fn kind(&self) -> SpanKind {
        self.kind
    }

    /// The name of the service, as the policy has it.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    /// The request's method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The request's URI.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Which attempt of its request this is, from 1, as `x-envoy-attempt-count` told.
    #[must_use]
    pub const fn attempt(&self) -> Option<u32> {
        self.attempt
    }

    /// The response's status; none if there was no response.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// What became of it; [`Outcome::Abandoned`] if its caller went away before the response.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// When it began.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// How long it took, to the end of the response body.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }
}

/// Shows for instance `waste-service server GET /analyze 200 in 12.5ms`.
impl Display for SpanData {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(service) = &self.service {
            write!(f, "{service} ")?;
        }
        let (kind, method, path) = (self.kind.name(), &self.method, self.uri.path());
        write!(f, "{kind} {method} {path} ")?;
        match self.status {
            Some(status) => write!(f, "{}", status.as_u16())?,
            None => write!(f, "{:?}", self.outcome)?,
        }
        write!(f, " in {:?}", self.duration)
    }
}
