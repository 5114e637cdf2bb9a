use std::fmt::{self, Debug, Display, Formatter};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode, Uri};

use crate::foundation::outcome::{Outcome, Source};
use crate::policies::telemetry::{SpanId, TraceContext, TraceId};

/// Kind of a span.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SpanKind {
    /// One attempt of a call, which has several with a retry layer.
    Attempt,
    /// An outgoing call, with all its attempts and waits.
    Client,
    /// A served request.
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

/// Ended span, with its duration.
#[derive(Clone, Debug)]
pub struct SpanData {
    pub(in crate::policies::telemetry) attempt: Option<u32>,
    pub(in crate::policies::telemetry) duration: Duration,
    pub(in crate::policies::telemetry) kind: SpanKind,
    pub(in crate::policies::telemetry) method: Method,
    pub(in crate::policies::telemetry) outcome: Outcome,
    pub(in crate::policies::telemetry) service: Option<Arc<str>>,
    pub(in crate::policies::telemetry) source: Arc<Source>,
    pub(in crate::policies::telemetry) started: Instant,
    pub(in crate::policies::telemetry) status: Option<StatusCode>,
    pub(in crate::policies::telemetry) trace: TraceContext,
    pub(in crate::policies::telemetry) uri: Uri,
}

impl SpanData {
    /// Returns the id of its trace.
    #[must_use]
    pub const fn trace_id(&self) -> TraceId {
        self.trace.trace_id()
    }

    /// Returns its own id, which was sent to the next service.
    #[must_use]
    pub const fn span_id(&self) -> SpanId {
        self.trace.span_id()
    }

    /// Returns the id of the parent span; none for the root of the trace.
    #[must_use]
    pub const fn parent_id(&self) -> Option<SpanId> {
        self.trace.parent_id()
    }

    /// Returns its trace context, with the request id and the sampled flag.
    #[must_use]
    pub const fn trace(&self) -> &TraceContext {
        &self.trace
    }

    /// Returns its kind.
    #[must_use]
    pub const fn kind(&self) -> SpanKind {
        self.kind
    }

    /// Returns the name of the service, as set in the policy.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    /// Returns its layer and that layer's position in a mesh.
    #[must_use]
    pub const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Returns the request's method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the request's URI.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the number of the attempt, from 1, as read from `x-envoy-attempt-count`.
    #[must_use]
    pub const fn attempt(&self) -> Option<u32> {
        self.attempt
    }

    /// Returns the response's status; none if there was no response.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Returns the outcome; [`Outcome::Abandoned`] if the caller went away before the response.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the time at which it began.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// Returns its duration, until the end of the response body.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }
}

/// Writes for instance `waste-service server GET /analyze 200 in 12.5ms`.
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
