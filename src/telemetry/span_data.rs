use std::collections::VecDeque;
use std::fmt::{self, Debug, Display, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Method, StatusCode, Uri};

use super::{SpanId, TraceContext, TraceId};
use crate::base::Outcome;

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
    pub(super) attempt: Option<u32>,
    pub(super) duration: Duration,
    pub(super) kind: SpanKind,
    pub(super) method: Method,
    pub(super) outcome: Outcome,
    pub(super) service: Option<Arc<str>>,
    pub(super) started: Instant,
    pub(super) status: Option<StatusCode>,
    pub(super) trace: TraceContext,
    pub(super) uri: Uri,
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

/// Receives each span as it ends; called outside every lock and from `Drop`, so it must not panic.
///
/// It gets those that are not sampled too, and may look at [`TraceContext::is_sampled`].
pub trait SpanProcessor: Debug + Send + Sync + 'static {
    /// Takes note of `span`.
    fn on_end(&self, span: &SpanData);
}

/// Keeps the newest spans in memory, for a test or a page of one's own. Clones share them.
#[derive(Clone, Debug)]
pub struct InMemorySpans {
    capacity: usize,
    spans: Arc<Mutex<VecDeque<SpanData>>>,
}

impl InMemorySpans {
    /// Creates a memory of so many spans; the oldest makes room. With 0 it keeps none.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            spans: Arc::default(),
        }
    }

    /// Returns all spans, in the order in which they ended.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanData> {
        self.lock().iter().cloned().collect()
    }

    /// Returns the spans of one trace, in the order in which they began.
    #[must_use]
    pub fn trace(&self, trace_id: TraceId) -> Vec<SpanData> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace_id() == trace_id);
        spans.sort_by_key(SpanData::started);
        spans
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<SpanData>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanProcessor for InMemorySpans {
    fn on_end(&self, span: &SpanData) {
        let mut spans = self.lock();
        spans.push_back(span.clone());
        while spans.len() > self.capacity {
            spans.pop_front();
        }
    }
}
