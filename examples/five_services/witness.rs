//! The warnings in the log, each with the trace in which it was written, for the case that compares them with the
//! metrics.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// How many lines are kept.
const KEPT: usize = 100;

static LINES: Mutex<VecDeque<Line>> = Mutex::new(VecDeque::new());

/// A line of the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) fields: BTreeMap<&'static str, String>,
    /// Id of the trace of the span around it.
    pub(crate) trace: Option<String>,
}

/// Returns what writes the lines down: warnings, and the spans around them.
pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    // The spans have the level below.
    Witness.with_filter(LevelFilter::INFO)
}

/// Takes the lines that were written since the last time.
pub(crate) fn take() -> Vec<Line> {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.drain(..).collect()
}

struct Witness;

/// Trace of a span.
struct Trace(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Witness {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut line = Line::default();
        attributes.record(&mut line);
        if let (Some(span), Some(trace)) = (context.span(id), line.fields.remove("trace_id")) {
            span.extensions_mut().insert(Trace(trace));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if *event.metadata().level() != Level::WARN {
            return;
        }
        let mut line = Line::default();
        event.record(&mut line);
        let spans = context.event_scope(event).into_iter().flatten();
        let mut traces = spans.filter_map(|span| {
            let extensions = span.extensions();
            extensions.get().map(|Trace(trace)| trace.clone())
        });
        line.trace = traces.next();
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}
